package argo.isolate.svm;

import org.graalvm.nativeimage.CurrentIsolate;

import com.oracle.svm.core.Uninterruptible;
import com.oracle.svm.core.heap.ReferenceHandlerThread;
import com.oracle.svm.core.thread.ThreadListener;
import com.oracle.svm.core.thread.VMThreads;

import argo.isolate.StartedThreads;

/** Sees each thread that the function starts. */
final class StartedThreadListener implements ThreadListener {

    @Override
    public void beforeThreadRun() {
        if (isOfFunction()) {
            StartedThreads.begins();
        }
    }

    @Override
    @Uninterruptible(reason = "Demanded by the overridden method.")
    public void afterThreadRun() {
        ended();
    }

    @Uninterruptible(reason = "The thread is still whole: it may run ordinary code.", calleeMustBe = false)
    private static void ended() {
        if (isOfFunction()) {
            StartedThreads.ends();
        }
    }

    /** Not a host's thread that is attached, nor native-image's own. */
    private static boolean isOfFunction() {
        return VMThreads.wasStartedByCurrentIsolate(CurrentIsolate.getCurrentThread()) && !ReferenceHandlerThread.isReferenceHandlerThread(Thread.currentThread());
    }
}
