package argo.isolate.svm;

import org.graalvm.word.Pointer;
import org.graalvm.word.UnsignedWord;
import org.graalvm.word.WordFactory;

import com.oracle.svm.core.Uninterruptible;
import com.oracle.svm.core.UnmanagedMemoryUtil;
import com.oracle.svm.core.jdk.UninterruptibleUtils.AtomicLong;

/**
 * Memory of large arrays that the collector gave back, for the next large arrays: fresh memory costs a page fault each 4 KB, which is more
 * than all that is done with the bytes of a call. What is kept is listed in the memory itself.
 */
final class SpareChunks {
    /** As much as the young generation gives back at once. */
    private static final long MOST_BYTES = 4 << 20;
    private static final long SMALLEST_STEP = 4096;
    private static final int NEXT = 0;
    private static final int SIZE = 8;

    private final AtomicLong locked = new AtomicLong(0);
    private long first;
    private long bytes;

    /** Sizes come in steps of a sixteenth to an eighth, so that chunks fit other arrays of about the same length. */
    @Uninterruptible(reason = "Called from uninterruptible code.", mayBeInlined = true)
    static UnsignedWord mapped(UnsignedWord nbytes) {
        long wanted = nbytes.rawValue();
        long step = SMALLEST_STEP;
        while (step << 4 < wanted) {
            step <<= 1;
        }
        return WordFactory.unsigned((wanted + step - 1) / step * step);
    }

    /** A zeroed chunk of a {@link #mapped} size, or null. */
    Pointer take(UnsignedWord size) {
        Pointer found = unlinked(size.rawValue());
        if (found.isNonNull()) {
            UnmanagedMemoryUtil.fill(found, size, (byte) 0);
        }
        return found;
    }

    /** The collector waits for no thread that holds the lock: none can be stopped in here. */
    @Uninterruptible(reason = "A thread that holds the lock must not stop.")
    private Pointer unlinked(long size) {
        lock();
        Pointer before = WordFactory.nullPointer();
        Pointer chunk = WordFactory.pointer(first);
        while (chunk.isNonNull() && chunk.readLong(SIZE) != size) {
            before = chunk;
            chunk = chunk.readWord(NEXT);
        }
        if (chunk.isNonNull()) {
            long next = chunk.readLong(NEXT);
            if (before.isNull()) {
                first = next;
            } else {
                before.writeLong(NEXT, next);
            }
            bytes -= size;
        }
        locked.set(0);
        return chunk;
    }

    /** Keeps a chunk of a {@link #mapped} size; false where there is enough. */
    @Uninterruptible(reason = "A thread that holds the lock must not stop.")
    boolean keep(Pointer chunk, UnsignedWord size) {
        lock();
        boolean kept = bytes + size.rawValue() <= MOST_BYTES;
        if (kept) {
            chunk.writeLong(NEXT, first);
            chunk.writeLong(SIZE, size.rawValue());
            first = chunk.rawValue();
            bytes += size.rawValue();
        }
        locked.set(0);
        return kept;
    }

    /** Any chunk, to be unmapped, or null. */
    @Uninterruptible(reason = "A thread that holds the lock must not stop.")
    Pointer removeAny() {
        lock();
        Pointer chunk = WordFactory.pointer(first);
        if (chunk.isNonNull()) {
            first = chunk.readLong(NEXT);
            bytes -= chunk.readLong(SIZE);
        }
        locked.set(0);
        return chunk;
    }

    /** Of a chunk that {@link #removeAny} gave. */
    @Uninterruptible(reason = "Called from uninterruptible code.", mayBeInlined = true)
    static UnsignedWord sizeOf(Pointer chunk) {
        return WordFactory.unsigned(chunk.readLong(SIZE));
    }

    @Uninterruptible(reason = "Called from uninterruptible code.", mayBeInlined = true)
    private void lock() {
        while (locked.getAndSet(1) != 0) {
            continue;
        }
    }
}
