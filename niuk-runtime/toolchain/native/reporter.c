/* Two questions of the image generator's progress report. */
#include <jni.h>
#include <sys/resource.h>

JNIEXPORT jint JNICALL Java_com_oracle_svm_hosted_ProgressReporterCHelper_getTerminalWindowColumns0(JNIEnv *env, jclass type) {
  (void)env, (void)type;
  return 100;
}

JNIEXPORT jlong JNICALL Java_com_oracle_svm_hosted_ProgressReporterCHelper_getPeakRSS0(JNIEnv *env, jclass type) {
  (void)env, (void)type;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (jlong)usage.ru_maxrss * 1024;
}
