package argo.isolate.svm;

import org.graalvm.nativeimage.ImageSingletons;
import org.graalvm.nativeimage.hosted.Feature;

import com.oracle.svm.core.os.CommittedMemoryProvider;
import com.oracle.svm.core.thread.ThreadListenerSupport;

import argo.isolate.HeapLimit;

/** What hangs on the insides of native-image 23.0: the heap wall and the thread listener. */
public final class IsolateFeature implements Feature {

    @Override
    public void afterRegistration(AfterRegistrationAccess access) {
        HeapWall wall = new HeapWall();
        ImageSingletons.add(CommittedMemoryProvider.class, wall);
        ImageSingletons.add(HeapLimit.class, wall);
    }

    @Override
    public void duringSetup(DuringSetupAccess access) {
        ThreadListenerSupport.get().register(new StartedThreadListener());
    }
}
