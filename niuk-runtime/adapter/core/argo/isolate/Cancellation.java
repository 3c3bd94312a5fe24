package argo.isolate;

import java.util.concurrent.TimeUnit;

import org.graalvm.nativeimage.Threading;

/**
 * Ends an invocation from outside. Every thread of the function polls a flag at its safepoints and throws; code that catches what is
 * thrown meets it again some milliseconds later.
 */
public final class Cancellation {

    /** Thrown into the function. An Error, so that `catch (Exception e)` lets it pass. */
    static final class Cancelled extends ThreadDeath {
        private static final long serialVersionUID = 1L;

        @Override
        public synchronized Throwable fillInStackTrace() {
            return this;
        }
    }

    private static final long POLL_MILLISECONDS = 10;

    private static volatile boolean wanted;
    private static volatile boolean leftBehindWanted;
    private static Thread watched;

    private Cancellation() {
    }

    static boolean wanted() {
        return wanted;
    }

    /** Makes the current thread, which is about to run the function, end when asked. */
    static synchronized void watchCaller() {
        Thread caller = Thread.currentThread();
        if (watched != caller) {
            Threading.registerRecurringCallback(POLL_MILLISECONDS, TimeUnit.MILLISECONDS, access -> {
                if (wanted && FunctionIsolate.isRunner(Thread.currentThread())) {
                    access.throwException(new Cancelled());
                }
            });
            watched = caller;
        }
    }

    /** Makes a thread that the function started end with the isolate, or with the invocation that is cancelled. */
    static void watchStarted() {
        Threading.registerRecurringCallback(POLL_MILLISECONDS, TimeUnit.MILLISECONDS, access -> {
            if (wanted || leftBehindWanted) {
                access.throwException(new Cancelled());
            }
        });
    }

    static void begin() {
        wanted = false;
    }

    static void request(Thread runner) {
        wanted = true;
        runner.interrupt();
    }

    static void requestLeftBehind() {
        leftBehindWanted = true;
    }
}
