#include "experiments/allocation.hpp"
#include "experiments/blas_setup.hpp"
#include "experiments/commands.hpp"

int main(int argc, char** argv) {
    bcbench::restart_with_fitting_blas(argv);
    bcbench::keep_freed_memory();
    return bcbench::run_command_line(argc, argv);
}
