/*
 * What this processor has, in the order in which native-image asks, and whether that covers what an image was compiled for.
 * The struct is generated from the image generator's own class (see amd64cpufeatures.h in the assembled toolchain).
 */
#include <cpuid.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amd64cpufeatures.h"

enum reg { EAX, EBX, ECX, EDX };
enum state { ANY, YMM, ZMM }; /* registers that the operating system must save for the feature to be usable */

struct feature {
  size_t field;
  unsigned leaf;
  enum reg reg;
  unsigned bit;
  enum state state;
};

#define F(name, leaf, reg, bit, state) {offsetof(CPUFeatures, f##name), leaf, reg, bit, state}
#define EXTENDED 0x80000001u

static const struct feature FEATURES[] = {
    F(CX8, 1, EDX, 8, ANY), F(CMOV, 1, EDX, 15, ANY), F(FXSR, 1, EDX, 24, ANY), F(HT, 1, EDX, 28, ANY), F(MMX, 1, EDX, 23, ANY),
    F(SSE, 1, EDX, 25, ANY), F(SSE2, 1, EDX, 26, ANY), F(SSE3, 1, ECX, 0, ANY), F(SSSE3, 1, ECX, 9, ANY), F(SSE4_1, 1, ECX, 19, ANY),
    F(SSE4_2, 1, ECX, 20, ANY), F(POPCNT, 1, ECX, 23, ANY), F(TSC, 1, EDX, 4, ANY), F(AES, 1, ECX, 25, ANY), F(CLMUL, 1, ECX, 1, ANY),
    F(FLUSH, 1, EDX, 19, ANY), F(HV, 1, ECX, 31, ANY), F(AVX, 1, ECX, 28, YMM), F(FMA, 1, ECX, 12, YMM), F(F16C, 1, ECX, 29, YMM),
    F(AVX2, 7, EBX, 5, YMM), F(BMI1, 7, EBX, 3, ANY), F(BMI2, 7, EBX, 8, ANY), F(ERMS, 7, EBX, 9, ANY), F(RTM, 7, EBX, 11, ANY),
    F(ADX, 7, EBX, 19, ANY), F(SHA, 7, EBX, 29, ANY), F(FLUSHOPT, 7, EBX, 23, ANY), F(CLWB, 7, EBX, 24, ANY),
    F(AVX512F, 7, EBX, 16, ZMM), F(AVX512DQ, 7, EBX, 17, ZMM), F(AVX512_IFMA, 7, EBX, 21, ZMM), F(AVX512PF, 7, EBX, 26, ZMM),
    F(AVX512ER, 7, EBX, 27, ZMM), F(AVX512CD, 7, EBX, 28, ZMM), F(AVX512BW, 7, EBX, 30, ZMM), F(AVX512VL, 7, EBX, 31, ZMM),
    F(AVX512_VBMI, 7, ECX, 1, ZMM), F(AVX512_VBMI2, 7, ECX, 6, ZMM), F(GFNI, 7, ECX, 8, ANY), F(AVX512_VAES, 7, ECX, 9, ZMM),
    F(AVX512_VPCLMULQDQ, 7, ECX, 10, ZMM), F(AVX512_VNNI, 7, ECX, 11, ZMM), F(AVX512_BITALG, 7, ECX, 12, ZMM),
    F(AVX512_VPOPCNTDQ, 7, ECX, 14, ZMM), F(PKU, 7, ECX, 3, ANY), F(OSPKE, 7, ECX, 4, ANY), F(RDPID, 7, ECX, 22, ANY),
    F(SERIALIZE, 7, EDX, 14, ANY), F(FSRM, 7, EDX, 4, ANY), F(CET_SS, 7, ECX, 7, ANY), F(CET_IBT, 7, EDX, 20, ANY),
    F(LZCNT, EXTENDED, ECX, 5, ANY), F(SSE4A, EXTENDED, ECX, 6, ANY), F(AMD_3DNOW_PREFETCH, EXTENDED, ECX, 8, ANY),
    F(RDTSCP, EXTENDED, EDX, 27, ANY),
};

static enum state saved_state(void) {
  unsigned eax, ebx, ecx, edx, low, high;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
    return ANY;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0xe6) == 0xe6)
    return ZMM;
  return (low & 0x6) == 0x6 ? YMM : ANY;
}

static CPUFeatures found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Under a hypervisor each cpuid leaves the guest, which takes microseconds: read each leaf once in a process's life. */
static void read_processor(void) {
  static const unsigned leaves[] = {1, 7, EXTENDED};
  enum state saved = saved_state();
  for (size_t leaf = 0; leaf < sizeof leaves / sizeof *leaves; leaf++) {
    unsigned regs[4] = {0};
    if (!__get_cpuid_count(leaves[leaf], 0, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]))
      continue;
    for (size_t i = 0; i < sizeof FEATURES / sizeof *FEATURES; i++) {
      const struct feature *f = &FEATURES[i];
      if (f->leaf == leaves[leaf] && f->state <= saved)
        ((char *)&found)[f->field] = (regs[f->reg] >> f->bit) & 1;
    }
  }
}

void determineCPUFeatures(CPUFeatures *features) {
  pthread_once(&once, read_processor);
  *features = found;
}

/* `needed` is what the image was compiled for, one negated byte a feature: 0xfe where it is needed, 0xff where not. 0: all there. */
int checkCPUFeatures(const char *needed) {
  CPUFeatures features;
  determineCPUFeatures(&features);
  for (size_t i = 0; i < sizeof features; i++) {
    if ((unsigned char)(((const char *)&features)[i] | needed[i]) != 0xff)
      return 1;
  }
  return 0;
}

int checkCPUFeaturesOrExit(const char *needed, const char *message) {
  if (checkCPUFeatures(needed)) {
    fputs(message, stderr);
    exit(1);
  }
  return 0;
}
