package argo.isolate;

import java.nio.charset.StandardCharsets;

import org.graalvm.nativeimage.PinnedObject;
import org.graalvm.word.Pointer;
import org.graalvm.word.WordFactory;

/** The bytes last handed to the host. Pinned in the isolate's heap, so that they end with it. */
final class Reply {
    private static final int KEPT = 64 * 1024;
    private static final byte[] OUT_OF_MEMORY = "{\"error\":\"The action ran out of memory.\"}".getBytes(StandardCharsets.US_ASCII);

    private byte[] buffer = new byte[1024];
    private PinnedObject pin = PinnedObject.create(buffer);

    void set(Pointer struct, byte[] json) {
        if (json.length > buffer.length || buffer.length > KEPT) {
            pin.close();
            buffer = json.length > KEPT ? json : new byte[Math.max(1024, json.length)];
            pin = PinnedObject.create(buffer);
        }
        if (json != buffer) {
            System.arraycopy(json, 0, buffer, 0, json.length);
        }
        point(struct, json.length);
    }

    /** Allocates nothing. */
    void outOfMemory(Pointer struct) {
        System.arraycopy(OUT_OF_MEMORY, 0, buffer, 0, OUT_OF_MEMORY.length);
        point(struct, OUT_OF_MEMORY.length);
    }

    private void point(Pointer struct, int length) {
        struct.writeWord(0, length == 0 ? WordFactory.nullPointer() : pin.addressOfArrayElement(0));
        struct.writeLong(8, length);
    }
}
