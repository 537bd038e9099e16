// The limits of the machine, measured in the same run as everything that is compared with them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#ifdef BCBENCH_WITH_FAISS
#include <omp.h>
#endif

#include "engine/parallel.hpp"
#include "engine/types.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

extern "C" void openblas_set_num_threads(int threads);

namespace bcbench::benchmarks {

namespace {

constexpr arma::uword product_size = 2048;
constexpr double product_flops = 2.0 * product_size * product_size * product_size;

template <class Real>
void matrix_product(benchmark::State& state, unsigned threads) {
    use_threads(1, threads);
    const Matrix<Real> a(product_size, product_size, arma::fill::randu);
    const Matrix<Real> b(product_size, product_size, arma::fill::randu);
    Matrix<Real> product(product_size, product_size);
    for (auto _ : state) {
        product = a * b;
        benchmark::DoNotOptimize(product.memptr());
    }
    state.counters["FLOP/s"] =
        benchmark::Counter(product_flops, benchmark::Counter::kIsIterationInvariantRate);
}

/// a = b + s c over arrays far larger than the caches, in one tile per thread.
void triad(benchmark::State& state, unsigned threads) {
    use_threads(threads, 1);
    constexpr std::size_t size = std::size_t{1} << 26;
    std::vector<double> a(size), b(size, 1.0), c(size, 2.0);
    const Tiles tiles{size, size / threads};
    for (auto _ : state) {
        parallel_for(tiles.count(), [&](std::size_t tile) {
            const std::size_t first = tiles.first(tile);
            for (std::size_t i = first; i < first + tiles.size(tile); ++i) a[i] = b[i] + 3.0 * c[i];
        });
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * 3 * size * sizeof(double)));
}

}  // namespace

double product_rate(unsigned threads) {
    static std::map<unsigned, double> rates;
    double& rate = rates[threads];
    if (rate > 0.0) return rate;
    use_threads(1, threads);
    const Matrix<float> a(product_size, product_size, arma::fill::randu);
    Matrix<float> product;
    for (int repeat = 0; repeat < 7; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        product = a * a;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        rate = std::max(rate, product_flops / elapsed.count());
    }
    return rate;
}

void use_threads(unsigned loops, unsigned blas) {
    set_thread_count(loops);
    openblas_set_num_threads(static_cast<int>(blas));
#ifdef BCBENCH_WITH_FAISS
    omp_set_num_threads(static_cast<int>(loops));
#endif
}

void register_limits() {
    for (const unsigned threads : {1U, 2U}) {
        const std::string suffix = "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(("limit/matrix_product/float32" + suffix).c_str(), matrix_product<float>,
                                     threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("limit/matrix_product/float64" + suffix).c_str(),
                                     matrix_product<double>, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("limit/memory_triad" + suffix).c_str(), triad, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace bcbench::benchmarks
