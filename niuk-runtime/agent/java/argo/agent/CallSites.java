package argo.agent;

import java.lang.instrument.ClassFileTransformer;
import java.nio.charset.StandardCharsets;
import java.security.ProtectionDomain;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import jdk.internal.org.objectweb.asm.ClassReader;
import jdk.internal.org.objectweb.asm.ClassVisitor;
import jdk.internal.org.objectweb.asm.ClassWriter;
import jdk.internal.org.objectweb.asm.MethodVisitor;
import jdk.internal.org.objectweb.asm.Opcodes;
import jdk.internal.org.objectweb.asm.Type;
import jdk.internal.org.objectweb.asm.commons.GeneratorAdapter;

/**
 * Puts a call to {@link Hooks} before each reflective call in the program's classes. The call itself stays where it is: what it may do
 * depends on the class that makes it. The JDK's own classes are left alone.
 */
final class CallSites implements ClassFileTransformer {
    private static final String HOOKS = "argo/agent/Hooks";

    /** owner.name → hook; the hook takes the receiver (unless static), the arguments and the calling class, all as objects. */
    private static final Map<String, String> INTERCEPTED = new HashMap<>();
    /** What every class that is worth rewriting has in its constant pool. */
    private static final List<byte[]> MARKS = List.of(bytes("forName"), bytes("java/lang/reflect/"), bytes("newInstance"), bytes("getResource"),
                    bytes("loadClass"), bytes("java/lang/invoke/MethodHandles$Lookup"), bytes("java/io/ObjectOutputStream"), bytes("getDeclared"),
                    bytes("getMethod"), bytes("getField"), bytes("getConstructor"), bytes("java/util/ResourceBundle"), bytes("getRecordComponents"));

    static {
        for (String name : List.of("getMethod", "getDeclaredMethod", "getConstructor", "getDeclaredConstructor", "getField", "getDeclaredField",
                        "getMethods", "getDeclaredMethods", "getConstructors", "getDeclaredConstructors", "getFields", "getDeclaredFields",
                        "getRecordComponents", "newInstance", "forName", "getResource", "getResourceAsStream")) {
            INTERCEPTED.put("java/lang/Class." + name, "ofClass");
        }
        for (String name : List.of("loadClass", "getResource", "getResources", "getResourceAsStream", "getSystemResource", "getSystemResourceAsStream")) {
            INTERCEPTED.put("java/lang/ClassLoader." + name, "ofLoader");
        }
        for (String name : List.of("newProxyInstance", "getProxyClass")) {
            INTERCEPTED.put("java/lang/reflect/Proxy." + name, "ofProxy");
        }
        for (String name : List.of("findVirtual", "findStatic", "findSpecial", "findConstructor", "findGetter", "findSetter", "findStaticGetter", "findClass")) {
            INTERCEPTED.put("java/lang/invoke/MethodHandles$Lookup." + name, "ofLookup");
        }
        INTERCEPTED.put("java/lang/reflect/Method.invoke", "ofInvoke");
        INTERCEPTED.put("java/lang/reflect/Constructor.newInstance", "ofConstruct");
        INTERCEPTED.put("java/lang/reflect/Array.newInstance", "ofArray");
        INTERCEPTED.put("java/io/ObjectOutputStream.writeObject", "ofWrite");
        INTERCEPTED.put("java/util/ResourceBundle.getBundle", "ofBundle");
    }

    @Override
    public byte[] transform(Module module, ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] classFile) {
        if (loader == null || name == null || name.startsWith("argo/agent/") || !isWorthwhile(classFile)) {
            return null;
        }
        try {
            return rewritten(name, classFile);
        } catch (RuntimeException unreadable) { // a class that cannot be rewritten runs as it is
            System.err.println("argo agent: " + name + " is not watched: " + unreadable);
            return null;
        }
    }

    private static boolean isWorthwhile(byte[] classFile) {
        for (byte[] mark : MARKS) {
            if (contains(classFile, mark)) {
                return true;
            }
        }
        return false;
    }

    private static boolean contains(byte[] data, byte[] mark) {
        for (int at = 0; at <= data.length - mark.length; at++) {
            int same = 0;
            while (same < mark.length && data[at + same] == mark[same]) {
                same++;
            }
            if (same == mark.length) {
                return true;
            }
        }
        return false;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static byte[] rewritten(String name, byte[] classFile) {
        ClassReader reader = new ClassReader(classFile);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        boolean[] changed = {false};
        reader.accept(new ClassVisitor(Opcodes.ASM8, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String method, String descriptor, String signature, String[] exceptions) {
                MethodVisitor next = super.visitMethod(access, method, descriptor, signature, exceptions);
                return new Rewriter(next, access, method, descriptor, Type.getObjectType(name), changed);
            }
        }, ClassReader.EXPAND_FRAMES);
        return changed[0] ? writer.toByteArray() : null;
    }

    private static final class Rewriter extends GeneratorAdapter {
        private final Type caller;
        private final boolean[] changed;

        Rewriter(MethodVisitor next, int access, String method, String descriptor, Type caller, boolean[] changed) {
            super(Opcodes.ASM8, next, access, method, descriptor);
            this.caller = caller;
            this.changed = changed;
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String method, String descriptor, boolean isInterface) {
            String hook = INTERCEPTED.get(owner + "." + method);
            if (hook != null) {
                announce(hook, opcode == Opcodes.INVOKESTATIC, owner, method, descriptor);
                changed[0] = true;
            }
            super.visitMethodInsn(opcode, owner, method, descriptor, isInterface);
        }

        /** Ours hold nothing worth keeping between two instructions of the program. */
        @Override
        protected void updateNewLocals(Object[] locals) {
            Arrays.fill(locals, Opcodes.TOP);
        }

        /** Takes receiver and arguments off the stack into locals, tells the hook, and puts them back. */
        private void announce(String hook, boolean isStatic, String owner, String method, String descriptor) {
            Type[] arguments = Type.getArgumentTypes(descriptor);
            int[] locals = new int[arguments.length];
            for (int i = arguments.length - 1; i >= 0; i--) {
                locals[i] = newLocal(arguments[i]);
                storeLocal(locals[i]);
            }
            int receiver = -1;
            if (!isStatic) {
                receiver = newLocal(Type.getObjectType(owner));
                storeLocal(receiver);
            }
            push(method);
            if (isStatic) {
                visitInsn(Opcodes.ACONST_NULL);
            } else {
                loadLocal(receiver);
            }
            push(arguments.length);
            newArray(Type.getType(Object.class));
            for (int i = 0; i < arguments.length; i++) {
                dup();
                push(i);
                loadLocal(locals[i]);
                box(arguments[i]);
                arrayStore(Type.getType(Object.class));
            }
            push(caller);
            super.visitMethodInsn(Opcodes.INVOKESTATIC, HOOKS, hook, "(Ljava/lang/String;Ljava/lang/Object;[Ljava/lang/Object;Ljava/lang/Class;)V", false);
            if (!isStatic) {
                loadLocal(receiver);
            }
            for (int local : locals) {
                loadLocal(local);
            }
        }
    }
}
