// harmony: 50 features, 100 clusters, 5 unequal batches, 20 types, 4 iterations. Timed only after its answer on a small
// problem has been checked against the reference.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/core/operations.hpp"
#include "engine/core/random.hpp"
#include "engine/methods/harmony/method.hpp"
#include "engine/reference/harmony.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;

constexpr uword n_features = 50;
constexpr std::size_t n_types = 20;

struct Problem {
    Matrix<float> cells;          // [F x n]
    std::vector<Labels> batches;  // one covariate
};

/// Types apart, batches shifted, and features of falling scale, as principal components are.
Problem make_problem(uword n) {
    const double cumulative[] = {0.4, 0.65, 0.85, 0.95, 1.0};
    Problem problem{normal(make_key(1), n_features, n), {Labels{{}, {"a", "b", "c", "d", "e"}}}};
    const Matrix<float> types = normal(make_key(2), n_features, n_types);
    const Matrix<float> shifts = normal(make_key(3), n_features, 5);
    for (uword i = 0; i < n; ++i) {
        const double draw = random_word(make_key(5), i) / 4294967296.0;
        const auto batch = static_cast<std::uint32_t>(std::upper_bound(cumulative, cumulative + 4, draw) - cumulative);
        problem.batches[0].code.push_back(batch);
        const uword type = random_word(make_key(4), i) % n_types;
        for (uword f = 0; f < n_features; ++f) {
            float& entry = problem.cells(f, i);
            entry = (entry + 2.5F * types(f, type) + 0.8F * shifts(f, batch)) * 6.0F /
                    (1.0F + 0.3F * static_cast<float>(f));
        }
    }
    return problem;
}

const Problem& problem_of(uword n) {
    static std::map<uword, Problem> made;
    const auto known = made.find(n);
    return known != made.end() ? known->second : made[n] = make_problem(n);
}

harmony::Options options_of(std::int64_t n_clusters) {
    harmony::Options options;
    options.n_clusters = n_clusters;
    options.max_iter = 4;
    options.epsilon_harmony = std::nullopt;
    return options;
}

/// What is wrong with the engine's answer for few cells, or nothing.
std::string fault() {
    const Problem small = make_problem(1500);
    const harmony::Options options = options_of(20);
    const auto engine = harmony::forward<float>(small.cells, small.batches, options);
    reference::RealHarmonyOptions concrete;
    concrete.n_clusters = 20;
    concrete.theta.assign(5, options.theta[0]);
    concrete.sigma.assign(20, options.sigma[0]);
    concrete.max_iter = 4;
    concrete.epsilon_harmony = std::nullopt;
    const auto slow = reference::harmony(arma::conv_to<arma::mat>::from(small.cells), small.batches, concrete);
    if (engine.seeds != slow.seeds) return "other seed cells than the reference";
    const double apart = arma::abs(arma::conv_to<arma::mat>::from(engine.corrected) - slow.corrected).max();
    // single precision against double after four iterations, in cells of a size of 20
    if (!(apart <= 2e-3)) return "corrected cells " + std::to_string(apart) + " from the reference's";
    return {};
}

bool is_right(benchmark::State& state) {
    static const std::string found = fault();
    if (!found.empty()) state.SkipWithError(("not timed: " + found).c_str());
    return found.empty();
}

/// The time column is processor seconds of all threads; `of_product_rate` is the share of the rate of a large matrix
/// product on as many threads, by wall clock.
void run(benchmark::State& state, unsigned threads) {
    product_rate<float>(threads);
    use_threads(threads, 1);
    if (!is_right(state)) return;
    const Problem& problem = problem_of(static_cast<uword>(state.range(0)));
    const harmony::Options options = options_of(100);
    const auto once = [&] {
        const auto result = harmony::forward<float>(problem.cells, problem.batches, options);
        benchmark::DoNotOptimize(result.corrected.memptr());
    };
    const double before = operations_so_far();
    once();
    const double operations = operations_so_far() - before;
    for (auto _ : state) once();
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(operations, Counter::kIsIterationInvariantRate);
    state.counters["of_product_rate"] =
        Counter(operations / product_rate<float>(threads), Counter::kIsIterationInvariantRate);
    if (threads > 1) return;  // memory that ended threads have freed would be there already
    state.counters["bytes_per_cell"] = extra_memory(once) / static_cast<double>(state.range(0));
}

/// One thread in turn with two.
void two_threads(benchmark::State& state) {
    if (!is_right(state)) return;
    const Problem& problem = problem_of(static_cast<uword>(state.range(0)));
    const harmony::Options options = options_of(100);
    const auto with = [&](unsigned threads) {
        return [&, threads] {
            use_threads(threads, 1);
            const auto result = harmony::forward<float>(problem.cells, problem.batches, options);
            benchmark::DoNotOptimize(result.corrected.memptr());
        };
    };
    time_in_turn(state, "times_one_thread", with(2), with(1));
}

}  // namespace

void register_real_harmony() {
    for (const unsigned threads : {1U, 2U}) {
        const std::string name = "real_harmony/engine/float32/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(name.c_str(), run, threads)
            ->Arg(10000)
            ->Arg(100000)
            ->Arg(500000)
            ->Arg(1000000)
            ->ArgName("n")
            ->MeasureProcessCPUTime()
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    }
    benchmark::RegisterBenchmark("real_harmony/two_threads_against_one", two_threads)
        ->Arg(100000)
        ->ArgName("n")
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace bcbench::benchmarks
