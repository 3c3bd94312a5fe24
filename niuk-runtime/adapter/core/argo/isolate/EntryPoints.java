package argo.isolate;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

import org.graalvm.nativeimage.IsolateThread;
import org.graalvm.nativeimage.RuntimeOptions;
import org.graalvm.nativeimage.c.function.CEntryPoint;
import org.graalvm.word.Pointer;

/** The C interface of include/argo_isolate.h. Buffers are copied at once; nothing thrown gets past {@link FunctionIsolate}. */
final class EntryPoints {
    private static final int VERSION = 1;
    private static final String MOST_FREE = "MaxHeapFree";

    private EntryPoints() {
    }

    @CEntryPoint(name = "argo_v1_version")
    static int version(@SuppressWarnings("unused") IsolateThread thread) {
        return VERSION;
    }

    @CEntryPoint(name = "argo_v1_describe")
    static int describe(@SuppressWarnings("unused") IsolateThread thread, Pointer reply) {
        return FunctionIsolate.describe(reply);
    }

    @CEntryPoint(name = "argo_v1_init")
    static int init(@SuppressWarnings("unused") IsolateThread thread, Pointer host, Pointer request, long requestLength, Pointer code, long codeLength,
                    Pointer reply) {
        return FunctionIsolate.init(host, request, requestLength, code, codeLength, reply);
    }

    @CEntryPoint(name = "argo_v1_run")
    static int run(@SuppressWarnings("unused") IsolateThread thread, long invocation, Pointer environment, long environmentLength, Pointer params,
                    long paramsLength, Pointer reply) {
        return FunctionIsolate.run(invocation, environment, environmentLength, params, paramsLength, reply);
    }

    @CEntryPoint(name = "argo_v1_place")
    static int place(@SuppressWarnings("unused") IsolateThread thread, long number) {
        return FunctionIsolate.place(number);
    }

    @CEntryPoint(name = "argo_v1_leave")
    static int leave(@SuppressWarnings("unused") IsolateThread thread, long number) {
        return FunctionIsolate.leave(number);
    }

    @CEntryPoint(name = "argo_v1_cancel")
    static int cancel(@SuppressWarnings("unused") IsolateThread thread, long invocation) {
        return FunctionIsolate.cancel(invocation);
    }

    @CEntryPoint(name = "argo_v1_memory")
    static int memory(@SuppressWarnings("unused") IsolateThread thread, Pointer memory) {
        Runtime runtime = Runtime.getRuntime();
        HeapLimit wall = HeapLimit.ofThisImage();
        memory.writeLong(0, runtime.totalMemory() - runtime.freeMemory());
        memory.writeLong(8, wall == null ? runtime.totalMemory() : wall.committed());
        memory.writeLong(16, wall == null ? 0 : wall.limit());
        memory.writeLong(24, wall == null ? runtime.totalMemory() : wall.peak());
        memory.writeLong(32, collections());
        memory.writeLong(40, StartedThreads.alive());
        return 0;
    }

    @CEntryPoint(name = "argo_v1_collect")
    static int collect(@SuppressWarnings("unused") IsolateThread thread) {
        RuntimeOptions.set(MOST_FREE, 1L); // bytes that the collector keeps for its next cycle; 0: as many as it sees fit
        System.gc();
        RuntimeOptions.set(MOST_FREE, 0L);
        HeapLimit wall = HeapLimit.ofThisImage();
        if (wall != null) {
            wall.trim();
        }
        return 0;
    }

    private static long collections() {
        long count = 0;
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            count += Math.max(0, collector.getCollectionCount());
        }
        return count;
    }
}
