// The limits of the machine, measured in the same run as everything that is compared with them.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#ifdef BCBENCH_WITH_FAISS
#include <omp.h>
#endif

#include "engine/core/parallel.hpp"
#include "engine/core/types.hpp"
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
    state.counters["FLOP/s"] = benchmark::Counter(product_flops, benchmark::Counter::kIsIterationInvariantRate);
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

template <class Real>
double product_rate(unsigned threads) {
    static std::map<unsigned, double> rates;
    double& rate = rates[threads];
    if (rate > 0.0) return rate;
    use_threads(1, threads);
    const Matrix<Real> a(product_size, product_size, arma::fill::randu);
    Matrix<Real> product;
    for (int repeat = 0; repeat < 7; ++repeat) rate = std::max(rate, product_flops / seconds([&] { product = a * a; }));
    return rate;
}

template double product_rate<float>(unsigned);
template double product_rate<double>(unsigned);

double seconds(const std::function<void()>& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void time_in_turn(benchmark::State& state, const char* ratio, const std::function<void()>& body,
                  const std::function<void()>& yardstick) {
    double in_body = 0.0;
    double in_yardstick = 0.0;
    body();  // the first to touch memory pays for it, and may be the only one timed
    for (auto _ : state) {
        const double elapsed = seconds(body);
        in_yardstick += seconds(yardstick);
        in_body += elapsed;
        state.SetIterationTime(elapsed);
    }
    state.counters[ratio] = in_yardstick / in_body;
}

namespace {

/// A figure of /proc/self/status in bytes.
double memory_status(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":")) return 1024.0 * std::stod(line.substr(name.size() + 1));
    }
    return 0.0;
}

}  // namespace

double extra_memory(const std::function<void()>& body) {
    malloc_trim(0);                               // memory that was freed is there no more
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
    const double before = memory_status("VmRSS");
    body();
    return memory_status("VmHWM") - before;
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
        benchmark::RegisterBenchmark(("limit/matrix_product/float32" + suffix).c_str(), matrix_product<float>, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("limit/matrix_product/float64" + suffix).c_str(), matrix_product<double>, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("limit/memory_triad" + suffix).c_str(), triad, threads)
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace bcbench::benchmarks
