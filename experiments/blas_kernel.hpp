// The kernel OpenBLAS chooses when it is loaded.
#pragma once

namespace bcbench {

/// OpenBLAS releases older than the processor do not know it and fall back to their kernel of 2004 (Prescott), an order
/// of magnitude slower than the processor's instructions allow. Restarts the program with OPENBLAS_CORETYPE naming a
/// kernel that fits the instructions there are; does nothing if the choice is fine or the user made it. Call it first
/// in main.
void restart_with_fitting_blas_kernel(char** argv);

}  // namespace bcbench
