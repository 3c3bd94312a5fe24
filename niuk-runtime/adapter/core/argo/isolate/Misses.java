package argo.isolate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.graalvm.nativeimage.ImageSingletons;

/**
 * What the function looked for in vain although its jar or the JDK has it: the closed world lacks it. Recorded even where the function
 * catches the exception, because its result may then differ from the ordinary runtime's.
 */
public final class Misses {

    /** `kind` as in ABI.md; `name` as in native-image's configuration files. */
    public record Miss(String kind, String name) {
    }

    private static final int MOST = 100;

    private final long[] ownClasses;
    private final long[] jdkClasses;
    private final List<Miss> recorded = new ArrayList<>();
    private volatile boolean any;

    /** @param ownClasses,jdkClasses sorted {@link #hash hashes} of binary class names */
    public Misses(long[] ownClasses, long[] jdkClasses) {
        this.ownClasses = ownClasses;
        this.jdkClasses = jdkClasses;
    }

    static Misses ofThisImage() {
        return ImageSingletons.contains(Misses.class) ? ImageSingletons.lookup(Misses.class) : null;
    }

    /** A class looked up by name; noted only if an ordinary runtime would have found it. */
    public static void lookedUpClass(String name) {
        Misses misses = ofThisImage();
        if (misses != null && (contains(misses.ownClasses, name) || contains(misses.jdkClasses, name))) {
            misses.add(new Miss("class", name));
        }
    }

    /** A member (or all members) of a class of the function's own jar. */
    public static void lookedUpMember(String kind, String declaringClass, String name) {
        Misses misses = ofThisImage();
        if (misses != null && contains(misses.ownClasses, declaringClass)) {
            misses.add(new Miss(kind, name));
        }
    }


    /** Gives what was recorded since the last call. */
    public static List<Miss> take() {
        Misses misses = ofThisImage();
        return misses == null || !misses.any ? List.of() : misses.drain();
    }

    private synchronized List<Miss> drain() {
        List<Miss> taken = List.copyOf(recorded);
        recorded.clear();
        any = false;
        return taken;
    }

    private synchronized void add(Miss miss) {
        if (recorded.size() < MOST && !recorded.contains(miss)) {
            recorded.add(miss);
            any = true;
        }
    }

    private static boolean contains(long[] hashes, String name) {
        return name != null && Arrays.binarySearch(hashes, hash(name)) >= 0;
    }

    /** 64-bit FNV-1a over the UTF-16 units of a name. */
    public static long hash(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
