// differentiable_harmony, float32, 50 features, 100 clusters, 5 batches, 10 iterations: the engine against
// the same equations in plain Armadillo. An implementation is timed only after its answer has been checked.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/methods/differentiable_harmony.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;
using differentiable_harmony::Options;
using differentiable_harmony::Parameters;

constexpr uword n_features = 50;
constexpr uword n_batches = 5;

Options options() {
    Options options;
    options.n_clusters = 100;
    options.n_iterations = 10;
    return options;
}

/// Cells about as far from the centroids as the centroids from each other, so that clusters compete.
Dataset<float> make_cells(uword n) {
    Dataset<float> data;
    data.cells = 0.2F * normal(make_key(1), n_features, n);
    for (uword b = 0; b < n_batches; ++b) data.batch.names.push_back(std::to_string(b));
    for (uword i = 0; i < n; ++i) {
        data.batch.code.push_back(static_cast<std::uint32_t>(i * n_batches / n));
        data.cells.col(i) += 0.02F * static_cast<float>(data.batch.code.back());
    }
    return data;
}

/// The equations as one writes them with whole matrices.
Matrix<float> plain_forward(const Dataset<float>& data, const Parameters<float>& parameters) {
    const Matrix<float>& c = parameters.centroids;  // [F x K]
    const uword n = data.cells.n_cols;
    const auto scale = static_cast<float>(1.0 / (options().sigma * options().temperature));
    Matrix<float> member(n, n_batches, arma::fill::zeros);
    for (uword i = 0; i < n; ++i) member(i, data.batch.code[i]) = 1.0F;
    const arma::frowvec share = arma::sum(member, 0) / static_cast<float>(n);
    Matrix<float> y = data.cells;
    for (int t = 0; t < options().n_iterations; ++t) {
        Matrix<float> distance = -2.0F * (c.t() * y);  // [K x n]
        distance.each_row() += arma::sum(arma::square(y), 0);
        distance.each_col() += arma::sum(arma::square(c), 0).t();
        Matrix<float> a = -scale * distance;
        a.each_row() -= arma::frowvec(arma::max(a, 0));
        a = arma::exp(a);
        a.each_row() /= arma::frowvec(arma::sum(a, 0));
        Matrix<float> ratio = a * member;  // [K x B]
        ratio.each_col() /= arma::fvec(arma::sum(a, 1) + 1e-10F);
        ratio.each_row() /= share + 1e-10F;
        const arma::urowvec top = arma::index_max(a, 0);
        arma::frowvec rate(n);
        for (uword i = 0; i < n; ++i)
            rate[i] = 0.1F * std::clamp(ratio(top[i], data.batch.code[i]), 0.5F, 2.0F);
        Matrix<float> step = c * a - y;
        step.each_row() %= rate;
        y += step;
    }
    return y;
}

Matrix<float> engine_forward(const Dataset<float>& data, const Parameters<float>& parameters) {
    return differentiable_harmony::forward(data, parameters, options()).corrected;
}

/// Where two clusters tie but for rounding, a cell may take another rate: at most one cell in a thousand may.
bool agree(const Matrix<float>& a, const Matrix<float>& b) {
    const arma::frowvec difference = arma::max(arma::abs(a - b), 0);
    const arma::uvec apart = arma::find(difference > 1e-4F);
    return a.is_finite() && apart.n_elem * 1000 <= a.n_cols;
}

using Forward = Matrix<float> (*)(const Dataset<float>&, const Parameters<float>&);

/// Counts only the two products of an iteration as work.
void count(benchmark::State& state, uword n, unsigned threads, double limit) {
    const double flops = 2.0 * 2.0 * 10.0 * 100.0 * static_cast<double>(n * n_features);
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["of_product_rate"] = Counter(flops / limit, Counter::kIsIterationInvariantRate);
    state.counters["threads"] = threads;
    state.SetComplexityN(state.range(0));
}

void forward_pass(benchmark::State& state, Forward forward, unsigned threads) {
    const auto n = static_cast<uword>(state.range(0));
    const double limit = product_rate(threads);
    const Dataset<float> small = make_cells(4000);
    const auto parameters =
        differentiable_harmony::initial_parameters<float>(options(), n_features, Stream(0));
    use_threads(forward == plain_forward ? 1 : threads, forward == plain_forward ? threads : 1);
    if (!agree(engine_forward(small, parameters), plain_forward(small, parameters))) {
        state.SkipWithError("not timed: the engine and the plain equations disagree");
        return;
    }
    const Dataset<float> data = make_cells(n);
    for (auto _ : state) {
        const Matrix<float> corrected = forward(data, parameters);
        benchmark::DoNotOptimize(corrected.memptr());
    }
    count(state, n, threads, limit);
}

/// The reverse pass alone, without and with the gradient of the centroids.
void backward_pass(benchmark::State& state, bool want_parameters, unsigned threads) {
    const auto n = static_cast<uword>(state.range(0));
    use_threads(threads, 1);
    const Dataset<float> data = make_cells(n);
    const auto parameters =
        differentiable_harmony::initial_parameters<float>(options(), n_features, Stream(0));
    const auto result = differentiable_harmony::forward(data, parameters, options(), true);
    const Matrix<float> bar = normal(make_key(3), n_features, n);
    Parameters<float> parameters_bar{Matrix<float>(arma::size(parameters.centroids), arma::fill::zeros)};
    for (auto _ : state) {
        const Matrix<float> cells_bar =
            differentiable_harmony::backward(result.tape, bar, want_parameters ? &parameters_bar : nullptr);
        benchmark::DoNotOptimize(cells_bar.memptr());
    }
}

template <class... Arguments>
void add(const std::string& name, unsigned threads, std::vector<std::int64_t> sizes, Arguments... arguments) {
    auto* cases =
        benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(), arguments...);
    for (const std::int64_t n : sizes) cases->Arg(n);
    cases->ArgName("n")->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_harmony() {
    for (const unsigned threads : {1U, 2U}) {
        add("harmony/plain_armadillo/forward", threads, {200000}, forward_pass, plain_forward, threads);
        add("harmony/engine/forward", threads, {50000, 200000, 1000000}, forward_pass, engine_forward,
            threads);
        add("harmony/engine/backward", threads, {200000}, backward_pass, false, threads);
        add("harmony/engine/backward_centroids", threads, {200000}, backward_pass, true, threads);
    }
}

}  // namespace bcbench::benchmarks
