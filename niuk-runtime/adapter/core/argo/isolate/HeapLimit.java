package argo.isolate;

import org.graalvm.nativeimage.ImageSingletons;

/**
 * A wall behind the collector's own limit. The collector looks at its limit when it collects; an array that is allocated in between is
 * stopped here. Present where the image builder offers the hook (see `svm/`).
 */
public interface HeapLimit {

    /** Bytes of heap taken from the system, now and at most. */
    long committed();

    long peak();

    void limit(long bytes);

    long limit();

    /** Gives back to the system what is kept for later. */
    void trim();

    static HeapLimit ofThisImage() {
        return ImageSingletons.contains(HeapLimit.class) ? ImageSingletons.lookup(HeapLimit.class) : null;
    }

    static void set(long bytes) {
        HeapLimit wall = ofThisImage();
        if (wall != null) {
            wall.limit(bytes);
        }
    }
}
