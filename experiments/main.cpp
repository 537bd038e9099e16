#include "experiments/commands/command_line.hpp"
#include "experiments/system/allocation.hpp"
#include "experiments/system/blas_setup.hpp"

int main(int argc, char** argv) {
    bcbench::restart_with_fitting_blas(argv);
    bcbench::keep_freed_memory();
    return bcbench::run_command_line(argc, argv);
}
