package argo.isolate;

import org.graalvm.nativeimage.PinnedObject;
import org.graalvm.nativeimage.StackValue;
import org.graalvm.nativeimage.c.function.CFunctionPointer;
import org.graalvm.nativeimage.c.function.InvokeCFunctionPointer;
import org.graalvm.nativeimage.c.type.CCharPointer;
import org.graalvm.nativeimage.c.type.CTypeConversion;
import org.graalvm.word.Pointer;
import org.graalvm.word.PointerBase;
import org.graalvm.word.UnsignedWord;
import org.graalvm.word.WordFactory;

import argo.ActionFailed;

/** The functions that the host offers: a copy of its `argo_host`. */
final class Host implements Output.Sink {
    private static final int SIZE = 0;
    private static final int CONTEXT = 8;
    private static final int OUTPUT = 16;
    private static final int INVOKE = 24;
    private static final int RELEASE = 32;
    private static final int END = 40;
    private static final int REPLY_BYTES = 16;

    interface OutputFunction extends CFunctionPointer {
        @InvokeCFunctionPointer
        void call(PointerBase context, long invocation, int stream, PointerBase bytes, UnsignedWord length);
    }

    interface InvokeFunction extends CFunctionPointer {
        @InvokeCFunctionPointer
        int call(PointerBase context, long invocation, PointerBase name, UnsignedWord nameLength, PointerBase params, UnsignedWord paramsLength,
                        PointerBase reply);
    }

    interface ReleaseFunction extends CFunctionPointer {
        @InvokeCFunctionPointer
        void call(PointerBase context, PointerBase reply);
    }

    private final Pointer context;
    private final OutputFunction output;
    private final InvokeFunction invoke;
    private final ReleaseFunction release;

    /** @throws IllegalArgumentException when the struct is shorter than version 1's */
    Host(Pointer struct) {
        if (struct.isNull() || struct.readLong(SIZE) < END) {
            throw new IllegalArgumentException("argo_host is missing or too short");
        }
        context = struct.readWord(CONTEXT);
        output = struct.readWord(OUTPUT);
        invoke = struct.readWord(INVOKE);
        release = struct.readWord(RELEASE);
    }

    @Override
    public void output(long invocation, int stream, byte[] bytes, int offset, int length) {
        if (length == 0 || output.isNull()) {
            return;
        }
        try (PinnedObject pin = PinnedObject.create(bytes)) {
            output.call(context, invocation, stream, pin.addressOfArrayElement(offset), WordFactory.unsigned(length));
        }
    }

    /** Calls another action and waits. @throws ActionFailed with the host's answer when it did not end well */
    byte[] invoke(long invocation, byte[] name, byte[] params) throws ActionFailed {
        if (invoke.isNull()) {
            throw new UnsupportedOperationException("argo.invoke: this host calls no other actions");
        }
        Pointer reply = (Pointer) StackValue.get(REPLY_BYTES);
        reply.writeWord(0, WordFactory.nullPointer());
        reply.writeLong(8, 0);
        int failed;
        // an empty array has no first element to point at
        try (PinnedObject pinnedName = PinnedObject.create(atLeastOne(name)); PinnedObject pinnedParams = PinnedObject.create(atLeastOne(params))) {
            failed = invoke.call(context, invocation, pinnedName.addressOfArrayElement(0), WordFactory.unsigned(name.length),
                            pinnedParams.addressOfArrayElement(0), WordFactory.unsigned(params.length), reply);
        }
        byte[] result = bytes(reply.readWord(0), reply.readLong(8));
        if (release.isNonNull()) {
            release.call(context, reply);
        }
        if (failed != 0) {
            throw new ActionFailed(result);
        }
        return result;
    }

    private static byte[] atLeastOne(byte[] bytes) {
        return bytes.length == 0 ? new byte[1] : bytes;
    }

    /** Copies native bytes; empty for a null pointer. @throws IllegalArgumentException when they do not fit an array */
    static byte[] bytes(PointerBase start, long length) {
        if (start.isNull() || length == 0) {
            return new byte[0];
        }
        if (length < 0 || length > Integer.MAX_VALUE - 16) {
            throw new IllegalArgumentException("a buffer of " + Long.toUnsignedString(length) + " bytes is too long");
        }
        byte[] copy = new byte[(int) length];
        CTypeConversion.asByteBuffer((CCharPointer) start, copy.length).get(copy);
        return copy;
    }
}
