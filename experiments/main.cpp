#include <csignal>

#include "experiments/commands/command_line.hpp"
#include "experiments/h5ad/worker.hpp"
#include "experiments/system/allocation.hpp"
#include "experiments/system/blas_setup.hpp"

int main(int argc, char** argv) {
    if (const auto code = bcbench::h5ad::worker_main(argc, argv)) return *code;
    bcbench::restart_with_fitting_blas(argv);
    if (const auto code = bcbench::blas_kernel_main(argc, argv)) return *code;
    bcbench::keep_freed_memory();
    std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit (ulimit -f) is a failed write, like a full disk
    return bcbench::run_command_line(argc, argv);
}
