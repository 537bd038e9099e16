#include "experiments/blas_kernel.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "engine/linear.hpp"

namespace bcbench {

void restart_with_fitting_blas_kernel(char** argv) {
#if defined(__x86_64__)
    if (std::getenv("OPENBLAS_CORETYPE") != nullptr || blas_kernel() != "Prescott") return;
    const char* fitting = nullptr;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) fitting = "Haswell";
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
        fitting = "SkylakeX";
    }
    if (fitting == nullptr || setenv("OPENBLAS_CORETYPE", fitting, 1) != 0) return;
    execv("/proc/self/exe", argv);  // returns only if it fails; the slow kernel then does
#else
    (void)argv;
#endif
}

}  // namespace bcbench
