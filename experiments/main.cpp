#include "experiments/commands/command_line.hpp"
#include "experiments/h5ad/worker.hpp"
#include "experiments/system/allocation.hpp"
#include "experiments/system/blas_setup.hpp"

int main(int argc, char** argv) {
    if (const auto code = bcbench::h5ad::worker_main(argc, argv)) return *code;
    bcbench::restart_with_fitting_blas(argv);
    bcbench::keep_freed_memory();
    return bcbench::run_command_line(argc, argv);
}
