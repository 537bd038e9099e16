// The benchmark program. Run it through scripts/bench.sh, or with Google Benchmark's own flags (--help).
#include <benchmark/benchmark.h>

#include "engine/linear/products.hpp"
#include "experiments/benchmarks/benchmarks.hpp"
#include "experiments/system/allocation.hpp"
#include "experiments/system/blas_setup.hpp"

int main(int argc, char** argv) {
    bcbench::restart_with_fitting_blas(argv);
    bcbench::keep_freed_memory();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("blas", bcbench::blas_description());
    bcbench::benchmarks::register_limits();
    bcbench::benchmarks::register_neighbors();
    bcbench::benchmarks::register_harmony();
    bcbench::benchmarks::register_real_harmony();
    bcbench::benchmarks::register_mmd();
    bcbench::benchmarks::register_training();
    bcbench::benchmarks::register_data();
    bcbench::benchmarks::register_jax();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
