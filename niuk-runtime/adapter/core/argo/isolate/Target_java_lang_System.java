package argo.isolate;

import java.util.Map;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;

/** The function sees its own environment variables, never those of the process that it shares. */
@TargetClass(System.class)
final class Target_java_lang_System {

    @Substitute
    public static String getenv(String name) {
        return Environment.variables().get(name);
    }

    @Substitute
    public static Map<String, String> getenv() {
        return Environment.variables();
    }
}
