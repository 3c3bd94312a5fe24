package argo.isolate.svm;

import org.graalvm.nativeimage.MissingReflectionRegistrationError;

import com.oracle.svm.core.annotate.Substitute;
import com.oracle.svm.core.annotate.TargetClass;
import com.oracle.svm.core.reflect.MissingReflectionRegistrationUtils;

/** Records what native-image would report, and lets the program go on as it does without that report. */
@TargetClass(MissingReflectionRegistrationUtils.class)
final class Target_com_oracle_svm_core_reflect_MissingReflectionRegistrationUtils {

    @Substitute
    private static void report(MissingReflectionRegistrationError error) {
        ReflectionMisses.record(error);
    }
}
