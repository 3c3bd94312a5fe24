package argo.isolate;

import java.util.concurrent.atomic.AtomicLong;

/** Threads that the function started and that still live; fed by the builder's thread listener where there is one (see `svm/`). */
public final class StartedThreads {
    private static final AtomicLong ALIVE = new AtomicLong();

    private StartedThreads() {
    }

    static long alive() {
        return ALIVE.get();
    }

    public static void begins() {
        if (Place.functionOfThisImage().startsThreads()) {
            ALIVE.incrementAndGet();
            Cancellation.watchStarted();
        }
    }

    public static void ends() {
        if (Place.functionOfThisImage().startsThreads()) {
            ALIVE.decrementAndGet();
        }
    }
}
