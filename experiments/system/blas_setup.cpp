#include "experiments/system/blas_setup.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "engine/linear/products.hpp"

namespace bcbench {

namespace {

// Whether the environment has changed: what the user set stays.
bool set_if_unset(const char* name, const char* value) {
    return std::getenv(name) == nullptr && setenv(name, value, 1) == 0;
}

const char* fitting_kernel() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
        return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return nullptr;
}

}  // namespace

void restart_with_fitting_blas(char** argv) {
    bool restart = set_if_unset("OPENBLAS_NUM_THREADS", "1");
    if (blas_kernel() == "Prescott" && fitting_kernel() != nullptr) {
        restart |= set_if_unset("OPENBLAS_CORETYPE", fitting_kernel());
    }
    if (restart) execv("/proc/self/exe", argv);  // returns only if it fails; the program then goes on, slower
}

std::optional<int> blas_kernel_main(int argc, char** argv) {
    if (argc != 2 || std::string(argv[1]) != "--blas-kernel") return std::nullopt;
    std::puts(blas_kernel().c_str());
    return 0;
}

}  // namespace bcbench
