package argo.isolate;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;

/** A function that ends its process ends its invocation instead. */
@TargetClass(Runtime.class)
final class Target_java_lang_Runtime {

    @Substitute
    public void exit(int status) {
        throw new Exit(status);
    }

    @Substitute
    public void halt(int status) {
        throw new Exit(status);
    }
}
