package argo.launcher;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryNotificationInfo;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.management.Notification;
import javax.management.NotificationEmitter;

/**
 * Keeps the heap to what the function's memory limit leaves it, where that was not known when the JVM started: its own
 * bound is the largest function's then. Objects that have lived for a while are collected as soon as they are more than
 * a heap of the right size would hold of them: the JVM tells after each collection that moved some there. What is in use
 * may grow on, until the sandbox's limit ends the process.
 */
final class HeapGuard {
    private static final String FILE = "memory_mb";
    private static final int BESIDE = Integer.parseInt(System.getProperty("argo.heap.beside")); // see `launch`
    private static final int PART = Integer.parseInt(System.getProperty("argo.heap.part"));
    private static final long MB = 1024L * 1024L;

    /** Room that a collection leaves for the next objects, in percent: what the JVM leaves by itself is for larger heaps. */
    private static final String[][] ROOM = {{"MinHeapFreeRatio", "15"}, {"MaxHeapFreeRatio", "30"}};

    private final MemoryPoolMXBean old = oldObjects();
    private final HotSpotDiagnosticMXBean jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);

    /** Long before the limit is known: what a guard needs is loaded. Null where the JVM's own bound will do. */
    static HeapGuard ready() {
        return System.getenv("ARGO_MEMORY_LATER") == null ? null : new HeapGuard();
    }

    /** Objects that live longer have a third less than the whole heap, as the JVM divides it. */
    void keep() {
        int memory = told();
        long heap = (memory - Math.max(memory / PART, BESIDE)) * MB;
        if (memory == 0 || heap >= Runtime.getRuntime().maxMemory()) {
            return;
        }
        for (String[] option : ROOM) {
            jvm.setVMOption(option[0], option[1]);
        }
        NotificationEmitter emitter = (NotificationEmitter) ManagementFactory.getMemoryMXBean();
        emitter.addNotificationListener(this::exceeded, null, null);
        old.setUsageThreshold(heap / 3 * 2);
    }

    private void exceeded(Notification told, Object unused) {
        if (!told.getType().equals(MemoryNotificationInfo.MEMORY_THRESHOLD_EXCEEDED)) {
            return;
        }
        System.gc();
        if (old.getUsage().getUsed() > old.getUsageThreshold() / 10 * 9) {
            old.setUsageThreshold(0); // it is in use: to collect again and again would free nothing
        }
    }

    private static MemoryPoolMXBean oldObjects() {
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            if (pool.getType() == MemoryType.HEAP && pool.isUsageThresholdSupported()) {
                return pool;
            }
        }
        throw new IllegalStateException("This JVM does not tell how full its heap is.");
    }

    /** The sandbox's limit in MB as it lies beside the socket; 0 where the one it was made with has stayed. */
    private static int told() {
        String address = System.getenv("ARGO_LISTEN");
        if (address == null || !address.startsWith("unix:")) {
            return 0;
        }
        Path file = Path.of(address.substring("unix:".length())).resolveSibling(FILE);
        try {
            return Files.exists(file) ? Integer.parseInt(Files.readString(file).trim()) : 0;
        } catch (IOException | NumberFormatException error) {
            throw new IllegalStateException("The memory limit cannot be read: " + error);
        }
    }
}
