package argo.agent;

import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Locale;

/**
 * Called before each reflective call of the program, with the call's name, receiver, arguments and calling class. Never throws, never
 * changes anything: the call comes after it and fails, or not, by itself.
 */
public final class Hooks {
    private static final ThreadLocal<Boolean> INSIDE = new ThreadLocal<>();

    private Hooks() {
    }

    private interface Note {
        void take() throws ReflectiveOperationException;
    }

    /** What fails here fails in the program too, which is not ours to report. */
    private static void quietly(Note note) {
        if (INSIDE.get() != null) {
            return;
        }
        INSIDE.set(Boolean.TRUE);
        try {
            note.take();
        } catch (ReflectiveOperationException | RuntimeException | LinkageError failing) {
            // the program is about to meet the same
        } finally {
            INSIDE.remove();
        }
    }

    public static void ofClass(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> {
            if (name.equals("forName")) {
                forName(arguments, caller);
            } else if (name.startsWith("getResource")) {
                resource((Class<?>) receiver, (String) arguments[0]);
            } else {
                member(name, (Class<?>) receiver, arguments);
            }
        });
    }

    private static void forName(Object[] arguments, Class<?> caller) throws ClassNotFoundException {
        if (arguments[0] instanceof Module module) {
            Class<?> found = Class.forName(module, (String) arguments[1]);
            if (found != null) {
                Record.type(found);
            }
            return;
        }
        ClassLoader loader = arguments.length == 3 ? (ClassLoader) arguments[2] : caller.getClassLoader();
        Record.type(Class.forName((String) arguments[0], false, loader));
    }

    private static void resource(Class<?> anchor, String name) {
        String path = name;
        if (name.startsWith("/")) {
            path = name.substring(1);
        } else {
            String folder = anchor.getPackageName().replace('.', '/');
            path = folder.isEmpty() ? name : folder + "/" + name;
        }
        Record.resource(path);
    }

    private static void member(String name, Class<?> type, Object[] arguments) throws ReflectiveOperationException {
        switch (name) {
            case "getMethod" -> method(type.getMethod((String) arguments[0], (Class<?>[]) arguments[1]));
            case "getDeclaredMethod" -> method(type.getDeclaredMethod((String) arguments[0], (Class<?>[]) arguments[1]));
            case "getConstructor" -> method(type.getConstructor((Class<?>[]) arguments[0]));
            case "getDeclaredConstructor" -> method(type.getDeclaredConstructor((Class<?>[]) arguments[0]));
            case "newInstance" -> method(type.getDeclaredConstructor());
            case "getField" -> field(type.getField((String) arguments[0]));
            case "getDeclaredField" -> field(type.getDeclaredField((String) arguments[0]));
            case "getFields" -> Record.flag(type, "allPublicFields");
            case "getDeclaredFields" -> Record.flag(type, "allDeclaredFields");
            case "getRecordComponents" -> Record.flag(type, "allRecordComponents");
            default -> Record.flag(type, "queryAll" + (name.startsWith("getDeclared") ? name.substring(3) : "Public" + name.substring(3)));
        }
    }

    public static void ofLoader(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> {
            if (name.equals("loadClass")) {
                Record.type(((ClassLoader) receiver).loadClass((String) arguments[0]));
            } else {
                Record.resource((String) arguments[0]);
            }
        });
    }

    public static void ofProxy(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> Record.proxy((Class<?>[]) arguments[1]));
    }

    public static void ofLookup(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> {
            switch (name) {
                case "findClass" -> Record.type(Class.forName((String) arguments[0], false, caller.getClassLoader()));
                case "findConstructor" -> method(((Class<?>) arguments[0]).getDeclaredConstructor(((MethodType) arguments[1]).parameterArray()));
                case "findGetter", "findSetter", "findStaticGetter" -> field(declaredField((Class<?>) arguments[0], (String) arguments[1]));
                default -> method(declaredMethod((Class<?>) arguments[0], (String) arguments[1], ((MethodType) arguments[2]).parameterArray()));
            }
        });
    }

    public static void ofInvoke(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> {
            Method method = (Method) receiver;
            method(method);
            if (method.getName().equals("allocateInstance") && arguments[1] instanceof Object[] given && given.length > 0 && given[0] instanceof Class<?> type) {
                Record.flag(type, "unsafeAllocated");
            }
        });
    }

    public static void ofConstruct(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> method((Constructor<?>) receiver));
    }

    public static void ofArray(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> Record.type(((Class<?>) arguments[0]).arrayType()));
    }

    public static void ofWrite(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> Serialization.written(arguments[0]));
    }

    public static void ofBundle(String name, Object receiver, Object[] arguments, Class<?> caller) {
        quietly(() -> {
            Locale locale = Locale.getDefault();
            for (Object argument : arguments) {
                locale = argument instanceof Locale given ? given : locale;
            }
            Record.bundle((String) arguments[0], locale);
        });
    }

    private static Method declaredMethod(Class<?> type, String name, Class<?>[] parameters) throws NoSuchMethodException {
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            try {
                return at.getDeclaredMethod(name, parameters);
            } catch (NoSuchMethodException higher) {
                continue;
            }
        }
        return type.getMethod(name, parameters);
    }

    private static Field declaredField(Class<?> type, String name) throws NoSuchFieldException {
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            try {
                return at.getDeclaredField(name);
            } catch (NoSuchFieldException higher) {
                continue;
            }
        }
        throw new NoSuchFieldException(name);
    }

    private static void method(Executable method) {
        Record.method(method.getDeclaringClass(), method instanceof Constructor ? "<init>" : method.getName(), method.getParameterTypes());
    }

    private static void field(Field field) {
        Record.field(field.getDeclaringClass(), field.getName());
    }
}
