package argo.javascript;

import java.util.List;

import org.graalvm.nativeimage.ImageSingletons;
import org.graalvm.nativeimage.hosted.Feature;
import org.graalvm.nativeimage.hosted.RuntimeClassInitialization;
import org.graalvm.nativeimage.hosted.RuntimeReflection;

import argo.isolate.Function;

/** Puts the engine, its JavaScript and what `Intl` makes by name into the image. ICU's data come by an option of the build. */
public final class EngineFeature implements Feature {
    private static final List<String> ICU_MAKES = List.of("com.ibm.icu.impl.ICUCurrencyDisplayInfoProvider", "com.ibm.icu.impl.ICUCurrencyMetaInfo",
                    "com.ibm.icu.impl.TimeZoneNamesFactoryImpl", "com.ibm.icu.impl.text.RbnfScannerProviderImpl", "com.ibm.icu.text.BreakIteratorFactory",
                    "com.ibm.icu.text.CollatorServiceShim", "com.ibm.icu.text.NumberFormatServiceShim", "com.ibm.icu.util.CurrencyServiceShim");

    @Override
    public void beforeAnalysis(BeforeAnalysisAccess access) {
        RuntimeClassInitialization.initializeAtBuildTime("argo.javascript");
        ImageSingletons.add(Function.class, new JavaScriptFunction(false));
        ICU_MAKES.forEach(name -> registerMade(access, name));
    }

    private static void registerMade(BeforeAnalysisAccess access, String name) {
        Class<?> type = access.findClassByName(name);
        if (type == null) {
            throw new IllegalStateException("this ICU has no " + name);
        }
        RuntimeReflection.register(type);
        RuntimeReflection.register(type.getDeclaredConstructors());
    }
}
