package argo.isolate.svm;

import org.graalvm.word.Pointer;
import org.graalvm.word.PointerBase;
import org.graalvm.word.UnsignedWord;
import org.graalvm.word.WordFactory;

import com.oracle.svm.core.Uninterruptible;
import com.oracle.svm.core.jdk.UninterruptibleUtils.AtomicLong;
import com.oracle.svm.core.os.OSCommittedMemoryProvider;
import com.oracle.svm.core.thread.VMOperation;

import argo.isolate.HeapLimit;

/** Counts the heap's chunks of this isolate and refuses large arrays beyond twice its limit; the collector itself is never refused. */
final class HeapWall extends OSCommittedMemoryProvider implements HeapLimit {
    private final SpareChunks spare = new SpareChunks();
    private final AtomicLong committed = new AtomicLong(0);
    private long peak;
    private long limit;

    @Override
    public Pointer allocateAlignedChunk(UnsignedWord nbytes, UnsignedWord alignment) {
        return refused(nbytes) ? WordFactory.nullPointer() : counted(super.allocateAlignedChunk(nbytes, alignment), nbytes);
    }

    @Override
    public Pointer allocateUnalignedChunk(UnsignedWord nbytes) {
        if (refused(nbytes)) {
            return WordFactory.nullPointer();
        }
        UnsignedWord size = SpareChunks.mapped(nbytes);
        Pointer chunk = spare.take(size);
        return counted(chunk.isNonNull() ? chunk : super.allocateUnalignedChunk(size), nbytes);
    }

    @Override
    @Uninterruptible(reason = "Called from uninterruptible code.", mayBeInlined = true)
    public void freeAlignedChunk(PointerBase start, UnsignedWord nbytes, UnsignedWord alignment) {
        super.freeAlignedChunk(start, nbytes, alignment);
        committed.addAndGet(-nbytes.rawValue());
    }

    @Override
    @Uninterruptible(reason = "Called from uninterruptible code.", mayBeInlined = true)
    public void freeUnalignedChunk(PointerBase start, UnsignedWord nbytes) {
        UnsignedWord size = SpareChunks.mapped(nbytes);
        if (!spare.keep((Pointer) start, size)) {
            super.freeUnalignedChunk(start, size);
        }
        committed.addAndGet(-nbytes.rawValue());
    }

    /** Gives back to the system what is kept for large arrays. */
    @Override
    @Uninterruptible(reason = "What is taken from the list must not be lost.")
    public void trim() {
        for (Pointer chunk = spare.removeAny(); chunk.isNonNull(); chunk = spare.removeAny()) {
            super.freeUnalignedChunk(chunk, SpareChunks.sizeOf(chunk));
        }
    }

    @Override
    @Uninterruptible(reason = "Called during isolate tear-down.")
    public int tearDown() {
        trim();
        return super.tearDown();
    }

    private boolean refused(UnsignedWord nbytes) {
        return limit > 0 && committed.get() + nbytes.rawValue() > 2 * limit && !VMOperation.isInProgress();
    }

    private Pointer counted(Pointer chunk, UnsignedWord nbytes) {
        if (chunk.isNonNull()) {
            peak = Math.max(peak, committed.addAndGet(nbytes.rawValue()));
        }
        return chunk;
    }

    @Override
    public long committed() {
        return committed.get();
    }

    @Override
    public long peak() {
        return peak;
    }

    @Override
    public void limit(long bytes) {
        limit = bytes;
    }

    @Override
    public long limit() {
        return limit;
    }
}
