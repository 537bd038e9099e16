// How OpenBLAS sets itself up, which it does when it is loaded, from the environment.
#pragma once

#include <optional>

namespace bcbench {

/// Restarts the program with the environment that OpenBLAS needs, unless the user or an earlier restart has set it:
/// OPENBLAS_NUM_THREADS=1, because the program's own threads share the work and those of OpenBLAS would wait for theirs
/// in a busy loop beside them (a third of a short run's processor time); and OPENBLAS_CORETYPE, where OpenBLAS is older
/// than the processor, does not know it and would run its kernel of 2004 (Prescott), an order of magnitude slower than
/// the instructions there are. Call it first in main.
void restart_with_fitting_blas(char** argv);

/// The Python package loads OpenBLAS into a process that runs already, and asks the program first which kernel fits:
/// prints its name and returns the exit code if the one argument is `--blas-kernel`.
std::optional<int> blas_kernel_main(int argc, char** argv);

}  // namespace bcbench
