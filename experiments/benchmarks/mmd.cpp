// The MMD loss, float32, 16 latent dimensions, two batches: the engine against its definition with whole n x
// n matrices in plain Armadillo. An implementation is timed only after its answer has been checked.
#include "engine/kernels/mmd.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "engine/core/random.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;

constexpr uword n_dimensions = 16;

struct Latent {
    Matrix<float> points;  // [L x n]
    Labels batch;
};

Latent make_latent(uword n) {
    Latent latent{0.5F * normal(make_key(1), n_dimensions, n), {{}, {"0", "1"}}};
    for (uword i = 0; i < n; ++i) latent.batch.code.push_back(static_cast<std::uint32_t>(i % 2));
    return latent;
}

double plain_mean_kernel(const Matrix<float>& a, const Matrix<float>& b) {
    Matrix<float> squared = -2.0F * (a.t() * b);  // [n x n]
    squared.each_col() += arma::sum(arma::square(a), 0).t();
    squared.each_row() += arma::sum(arma::square(b), 0);
    squared = arma::exp(-0.5F * squared);
    const Matrix<float> row_sums = arma::sum(squared, 0);
    return arma::accu(arma::conv_to<arma::mat>::from(row_sums)) / static_cast<double>(squared.n_elem);
}

double plain_loss(const Latent& latent) {
    const auto n = static_cast<float>(latent.points.n_cols);
    arma::frowvec member(latent.points.n_cols);
    for (uword i = 0; i < member.n_elem; ++i) member[i] = latent.batch.code[i] == 0 ? 1.0F : 0.0F;
    const float size = arma::accu(member);
    Matrix<float> a = latent.points;
    Matrix<float> b = latent.points;
    a.each_row() %= member * (n / size);
    b.each_row() %= (1.0F - member) * (n / (n - size));
    const double v = plain_mean_kernel(a, a) + plain_mean_kernel(b, b) - 2.0 * plain_mean_kernel(a, b);
    return std::sqrt(std::max(v, 0.0));
}

double engine_loss(const Latent& latent) { return mmd::loss(latent.points, latent.batch, mmd::Options{}); }

double engine_loss_and_gradient(const Latent& latent) {
    Matrix<float> bar(arma::size(latent.points), arma::fill::zeros);
    return mmd::loss(latent.points, latent.batch, mmd::Options{}, &bar);
}

using Loss = double (*)(const Latent&);

/// What is wrong with the engine's loss and its gradient of few cells, or nothing. The slope is that of the
/// definition along the engine's gradient, a length of the gradient if it is right.
std::string fault() {
    const Latent small = make_latent(1000);
    const double right = plain_loss(small);
    if (!(std::abs(engine_loss(small) - right) < 1e-4)) return "the engine and the definition disagree";
    Matrix<float> bar(arma::size(small.points), arma::fill::zeros);
    mmd::loss(small.points, small.batch, mmd::Options{}, &bar);
    const double length = std::sqrt(arma::accu(arma::square(arma::conv_to<arma::mat>::from(bar))));
    Latent ahead = small;
    Latent behind = small;
    const float h = 0.5F;  // far enough for the rounding of the definition in float
    ahead.points += static_cast<float>(h / length) * bar;
    behind.points -= static_cast<float>(h / length) * bar;
    const double slope = (plain_loss(ahead) - plain_loss(behind)) / (2.0 * h);
    if (!(std::abs(slope - length) < 0.03 * length)) return "the slope is not the length of the gradient";
    return {};
}

/// The engine against the definition, where both fit.
void mmd_against_plain(benchmark::State& state, unsigned threads) {
    const std::string wrong = fault();
    if (!wrong.empty()) {
        state.SkipWithError(("not timed: " + wrong).c_str());
        return;
    }
    const Latent latent = make_latent(static_cast<uword>(state.range(0)));
    const auto with_threads = [&](unsigned loops, unsigned blas, Loss loss) {
        return [=, &latent] {
            use_threads(loops, blas);
            benchmark::DoNotOptimize(loss(latent));
        };
    };
    time_in_turn(state, "times_plain", with_threads(threads, 1, engine_loss), with_threads(1, threads, plain_loss));
}

void mmd_loss(benchmark::State& state, Loss loss, unsigned threads) {
    use_threads(loss == plain_loss ? 1 : threads, loss == plain_loss ? threads : 1);
    const std::string wrong = fault();
    if (!wrong.empty()) {
        state.SkipWithError(("not timed: " + wrong).c_str());
        return;
    }
    const auto n = static_cast<uword>(state.range(0));
    const Latent latent = make_latent(n);
    for (auto _ : state) benchmark::DoNotOptimize(loss(latent));
    state.counters["pairs/s"] =
        benchmark::Counter(static_cast<double>(n * n), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_mmd() {
    const struct {
        const char* name;
        Loss loss;
        std::vector<std::int64_t> sizes;
    } table[] = {{"plain_armadillo/loss", plain_loss, {5000}},
                 {"engine/loss", engine_loss, {5000, 10000, 20000}},
                 {"engine/loss_and_gradient", engine_loss_and_gradient, {5000, 10000, 20000}}};
    for (const unsigned threads : {1U, 2U}) {
        const std::string suffix = "/threads:" + std::to_string(threads);
        for (const auto& [name, loss, sizes] : table) {
            auto* cases =
                benchmark::RegisterBenchmark(("mmd/" + std::string(name) + suffix).c_str(), mmd_loss, loss, threads);
            for (const std::int64_t n : sizes) cases->Arg(n);
            cases->ArgName("n")->UseRealTime()->Unit(benchmark::kMillisecond);
        }
        auto* against = benchmark::RegisterBenchmark(("mmd/engine_against_plain/loss" + suffix).c_str(),
                                                     mmd_against_plain, threads);
        against->ArgName("n")->Arg(5000)->UseManualTime()->Unit(benchmark::kMillisecond);
        if (threads == 2) against->Arg(20000);  // half a minute and 5 GB for the definition
    }
}

}  // namespace bcbench::benchmarks
