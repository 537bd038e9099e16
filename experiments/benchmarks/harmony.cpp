// differentiable_harmony, 50 features, 100 clusters, 5 batches, 10 iterations: the engine against the same equations in
// plain Armadillo. An implementation is timed only after its answer has been checked.
#include <benchmark/benchmark.h>

#include <cmath>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/methods/differentiable_harmony/method.hpp"
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
template <class Real>
Dataset<Real> make_cells(uword n) {
    Dataset<Real> data;
    data.cells = arma::conv_to<Matrix<Real>>::from(0.2F * normal(make_key(1), n_features, n));
    for (uword b = 0; b < n_batches; ++b) data.batch.names.push_back(std::to_string(b));
    for (uword i = 0; i < n; ++i) {
        data.batch.code.push_back(static_cast<std::uint32_t>(i * n_batches / n));
        data.cells.col(i) += static_cast<Real>(0.02) * static_cast<Real>(data.batch.code.back());
    }
    return data;
}

/// The same cells for every case of a size, made once.
template <class Real>
const Dataset<Real>& cells_of(uword n) {
    static std::map<uword, Dataset<Real>> made;
    const auto known = made.find(n);
    return known != made.end() ? known->second : made[n] = make_cells<Real>(n);
}

/// The equations as one writes them with whole matrices.
template <class Real>
Matrix<Real> plain_forward(const Dataset<Real>& data, const Parameters<Real>& parameters) {
    using Row = arma::Row<Real>;
    constexpr auto epsilon = static_cast<Real>(1e-10);
    const Matrix<Real>& c = parameters.centroids;  // [F x K]
    const uword n = data.cells.n_cols;
    const auto scale = static_cast<Real>(1.0 / (options().sigma * options().temperature));
    Matrix<Real> member(n, n_batches, arma::fill::zeros);
    for (uword i = 0; i < n; ++i) member(i, data.batch.code[i]) = Real(1);
    const Row share = arma::sum(member, 0) / static_cast<Real>(n);
    Matrix<Real> y = data.cells;
    for (int t = 0; t < options().n_iterations; ++t) {
        Matrix<Real> distance = Real(-2) * (c.t() * y);  // [K x n]
        distance.each_row() += arma::sum(arma::square(y), 0);
        distance.each_col() += arma::sum(arma::square(c), 0).t();
        Matrix<Real> a = -scale * distance;
        a.each_row() -= Row(arma::max(a, 0));
        a = arma::exp(a);
        a.each_row() /= Row(arma::sum(a, 0));
        Matrix<Real> ratio = a * member;  // [K x B]
        ratio.each_col() /= Vector<Real>(arma::sum(a, 1) + epsilon);
        ratio.each_row() /= share + epsilon;
        const arma::urowvec top = arma::index_max(a, 0);
        Row rate(n);
        for (uword i = 0; i < n; ++i)
            rate[i] = Real(0.1) * std::clamp(ratio(top[i], data.batch.code[i]), Real(0.5), Real(2));
        Matrix<Real> step = c * a - y;
        step.each_row() %= rate;
        y += step;
    }
    return y;
}

template <class Real>
Matrix<Real> engine_forward(const Dataset<Real>& data, const Parameters<Real>& parameters) {
    return differentiable_harmony::forward(data, parameters, options()).corrected;
}

template <class Real>
Parameters<Real> make_parameters() {
    return differentiable_harmony::initial_parameters<Real>(options(), n_features, Stream(0));
}

/// What is wrong with the engine's answer for few cells, or nothing. Where two clusters tie but for rounding, a cell
/// may take another rate: at most one cell in a thousand may.
template <class Real>
std::string forward_fault() {
    const Dataset<Real> small = make_cells<Real>(4321);
    const Matrix<Real> engine = engine_forward(small, make_parameters<Real>());
    const Matrix<Real> plain = plain_forward(small, make_parameters<Real>());
    const double tolerance = std::is_same_v<Real, float> ? 1e-4 : 1e-10;
    const arma::uvec apart = arma::find(arma::max(arma::abs(engine - plain), 0) > static_cast<Real>(tolerance));
    if (engine.is_finite() && apart.n_elem * 1000 <= engine.n_cols) return {};
    return std::to_string(apart.n_elem) + " of 4321 cells differ from the plain equations";
}

/// What is wrong with the engine's gradient, or nothing: along a direction, against central differences in double, and
/// in float against double.
std::string backward_fault() {
    Options smooth = options();
    smooth.sigma = 1.0;
    const Dataset<double> cells = make_cells<double>(1000);
    const Parameters<double> parameters = make_parameters<double>();
    const arma::mat bar = arma::conv_to<arma::mat>::from(normal(make_key(3), n_features, 1000));
    const arma::mat direction = arma::conv_to<arma::mat>::from(normal(make_key(4), n_features, 1000));
    const auto value = [&](double h) {
        Dataset<double> moved = cells;
        moved.cells += h * direction;
        return arma::accu(bar % differentiable_harmony::forward(moved, parameters, smooth).corrected);
    };
    const auto result = differentiable_harmony::forward(cells, parameters, smooth, true);
    const arma::mat gradient = differentiable_harmony::backward<double>(result, bar, nullptr);
    const double right = (value(1e-6) - value(-1e-6)) / 2e-6;
    const double found = arma::dot(gradient, direction);
    if (!(std::abs(found - right) <= 1e-5 * std::abs(right))) {
        return "slope " + std::to_string(found) + " where differences give " + std::to_string(right);
    }
    const auto single =
        differentiable_harmony::forward(make_cells<float>(1000), make_parameters<float>(), smooth, true);
    const Matrix<float> in_float =
        differentiable_harmony::backward<float>(single, arma::conv_to<Matrix<float>>::from(bar), nullptr);
    const double error = arma::norm(arma::conv_to<arma::mat>::from(in_float) - gradient, "fro");
    if (!(error <= 1e-4 * arma::norm(gradient, "fro"))) return "the gradient in float is not the one in double";
    return {};
}

/// True if `find_fault`, asked once, finds nothing wrong; else the case is not timed.
bool is_right(benchmark::State& state, std::string (*find_fault)()) {
    static std::map<std::string (*)(), std::string> found;
    const auto known = found.find(find_fault);
    const std::string& fault = known != found.end() ? known->second : found[find_fault] = find_fault();
    if (!fault.empty()) state.SkipWithError(("not timed: " + fault).c_str());
    return fault.empty();
}

/// Counts only the two products of an iteration as work, and as traffic reading and writing y and C A once.
template <class Real>
void count(benchmark::State& state, unsigned threads) {
    const auto n = static_cast<double>(state.range(0));
    const double flops = 2.0 * 2.0 * 10.0 * 100.0 * n * n_features;
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["cells/s"] = Counter(n, Counter::kIsIterationInvariantRate);
    state.counters["bytes_per_second"] =
        Counter(10.0 * 4.0 * n * n_features * sizeof(Real), Counter::kIsIterationInvariantRate);
    state.counters["of_product_rate"] =
        Counter(flops / product_rate<Real>(threads), Counter::kIsIterationInvariantRate);
}

template <class Real>
using Forward = Matrix<Real> (*)(const Dataset<Real>&, const Parameters<Real>&);

template <class Real>
void forward_pass(benchmark::State& state, Forward<Real> forward, unsigned threads) {
    product_rate<Real>(threads);
    const bool plain = forward == plain_forward<Real>;
    use_threads(plain ? 1 : threads, plain ? threads : 1);
    if (!is_right(state, forward_fault<Real>)) return;
    const Dataset<Real>& data = cells_of<Real>(static_cast<uword>(state.range(0)));
    const Parameters<Real> parameters = make_parameters<Real>();
    for (auto _ : state) {
        const Matrix<Real> corrected = forward(data, parameters);
        benchmark::DoNotOptimize(corrected.memptr());
    }
    count<Real>(state, threads);
    if (threads > 1) return;  // memory that ended threads have freed would be there already
    const double extra = extra_memory([&] { forward(data, parameters); });
    state.counters["extra_MiB"] = (extra - static_cast<double>(data.cells.n_elem * sizeof(Real))) / (1 << 20);
}

/// The engine against the plain equations with BLAS on as many threads, timed in turn.
void forward_against_plain(benchmark::State& state, unsigned threads) {
    if (!is_right(state, forward_fault<float>)) return;
    const Dataset<float>& data = cells_of<float>(static_cast<uword>(state.range(0)));
    const Parameters<float> parameters = make_parameters<float>();
    const auto run = [&](Forward<float> forward, unsigned loops, unsigned blas) {
        return [=, &data, &parameters] {
            use_threads(loops, blas);
            const Matrix<float> corrected = forward(data, parameters);
            benchmark::DoNotOptimize(corrected.memptr());
        };
    };
    time_in_turn(state, "times_plain", run(engine_forward<float>, threads, 1), run(plain_forward<float>, 1, threads));
}

/// The reverse pass in turn with the forward pass it undoes, without and with the gradient of the centroids.
void backward_pass(benchmark::State& state, bool want_parameters, unsigned threads) {
    use_threads(threads, 1);
    if (!is_right(state, backward_fault)) return;
    const Dataset<float>& data = cells_of<float>(static_cast<uword>(state.range(0)));
    const Parameters<float> parameters = make_parameters<float>();
    const auto result = differentiable_harmony::forward(data, parameters, options(), true);
    const Matrix<float> bar = normal(make_key(3), n_features, data.cells.n_cols);
    Parameters<float> parameters_bar{Matrix<float>(arma::size(parameters.centroids), arma::fill::zeros)};
    const auto backward = [&] {
        const Matrix<float> cells_bar =
            differentiable_harmony::backward(result, bar, want_parameters ? &parameters_bar : nullptr);
        benchmark::DoNotOptimize(cells_bar.memptr());
    };
    time_in_turn(state, "forward_to_backward", backward, [&] { engine_forward(data, parameters); });
    state.counters["times_forward"] = 1.0 / state.counters["forward_to_backward"];
    state.counters.erase("forward_to_backward");
}

/// One thread in turn with two.
void two_threads(benchmark::State& state) {
    if (!is_right(state, forward_fault<float>)) return;
    const Dataset<float>& data = cells_of<float>(static_cast<uword>(state.range(0)));
    const Parameters<float> parameters = make_parameters<float>();
    const auto run = [&](unsigned threads) {
        return [=, &data, &parameters] {
            use_threads(threads, 1);
            const Matrix<float> corrected = engine_forward(data, parameters);
            benchmark::DoNotOptimize(corrected.memptr());
        };
    };
    time_in_turn(state, "times_one_thread", run(2), run(1));
}

template <class... Arguments>
benchmark::internal::Benchmark* add(const std::string& name, std::vector<std::int64_t> sizes, Arguments... arguments) {
    auto* cases = benchmark::RegisterBenchmark(name.c_str(), arguments...);
    for (const std::int64_t n : sizes) cases->Arg(n);
    return cases->ArgName("n")->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_harmony() {
    for (const unsigned threads : {1U, 2U}) {
        const std::string suffix = "/threads:" + std::to_string(threads);
        add("harmony/plain_armadillo/forward/float32" + suffix, {200000}, forward_pass<float>, plain_forward<float>,
            threads)
            ->UseRealTime();
        add("harmony/engine/forward/float32" + suffix, {125000, 200000, 250000, 500000, 1000000}, forward_pass<float>,
            engine_forward<float>, threads)
            ->UseRealTime();
        add("harmony/engine/forward/float64" + suffix, {200000}, forward_pass<double>, engine_forward<double>, threads)
            ->UseRealTime();
        add("harmony/engine_against_plain/forward" + suffix, {200000}, forward_against_plain, threads)->UseManualTime();
        add("harmony/engine/backward" + suffix, {200000}, backward_pass, false, threads)->UseManualTime();
        add("harmony/engine/backward_centroids" + suffix, {200000}, backward_pass, true, threads)->UseManualTime();
    }
    add("harmony/two_threads_against_one/forward", {200000}, two_threads)->UseManualTime();
}

}  // namespace bcbench::benchmarks
