package argo.isolate;

import java.util.concurrent.TimeUnit;

import org.graalvm.nativeimage.Threading;

/**
 * Ends an invocation from outside. The thread that runs the function polls at its safepoints and throws; code that catches what is thrown
 * meets it again some milliseconds later. No locks: what is thrown may surface anywhere in the function's frames.
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

    /** Odd while the function runs. */
    private static volatile long turn;
    private static volatile long wantedTurn = -1;
    private static volatile Thread runner;
    private static volatile boolean endLeftBehind;
    private static Thread watched;

    private Cancellation() {
    }

    /** Makes the current thread, which is about to run the function, end when asked. */
    static void watchCaller() {
        Thread caller = Thread.currentThread();
        if (watched != caller) {
            Threading.registerRecurringCallback(POLL_MILLISECONDS, TimeUnit.MILLISECONDS, access -> {
                if (isRunning() && wantedTurn == turn && runner == Thread.currentThread()) {
                    access.throwException(new Cancelled());
                }
            });
            watched = caller;
        }
    }

    /** Makes a thread that the function started end when the isolate is about to. */
    static void watchStarted() {
        Threading.registerRecurringCallback(POLL_MILLISECONDS, TimeUnit.MILLISECONDS, access -> {
            if (endLeftBehind && isInsideRun(Thread.currentThread().getStackTrace())) {
                access.throwException(new Cancelled());
            }
        });
    }

    /** Outside of its `run` a thread has no frame that would take an exception: one thrown there would end the process. */
    private static boolean isInsideRun(StackTraceElement[] frames) {
        boolean inside = false;
        for (StackTraceElement frame : frames) {
            if (frame.getMethodName().equals("dispatchUncaughtException")) {
                return false;
            }
            String name = frame.getClassName();
            inside |= !name.startsWith("com.oracle.svm.") && !name.startsWith("argo.isolate.") && !frame.getMethodName().equals("getStackTrace");
        }
        return inside;
    }

    static void begin() {
        runner = Thread.currentThread();
        turn++; // one invocation at a time: nobody else writes it
    }

    /** From here on the thread is the library's own again. @return whether the turn that ends was cancelled */
    static boolean end() {
        boolean cancelled = wantedTurn == turn;
        turn++;
        runner = null;
        Thread.interrupted();
        return cancelled;
    }

    static boolean isRunning() {
        return (turn & 1) == 1;
    }

    static void request() {
        long asked = turn;
        Thread running = runner;
        wantedTurn = asked;
        if (running != null && turn == asked) {
            running.interrupt();
        }
    }

    static void requestLeftBehind() {
        endLeftBehind = true;
    }
}
