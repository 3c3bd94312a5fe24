package argo.javascript;

import org.graalvm.nativeimage.ImageSingletons;
import org.graalvm.nativeimage.hosted.Feature;
import org.graalvm.nativeimage.hosted.RuntimeClassInitialization;

import argo.isolate.Function;

/** Puts the engine and its JavaScript into the image. */
public final class EngineFeature implements Feature {

    @Override
    public void beforeAnalysis(BeforeAnalysisAccess access) {
        RuntimeClassInitialization.initializeAtBuildTime("argo.javascript");
        ImageSingletons.add(Function.class, new JavaScriptFunction());
    }
}
