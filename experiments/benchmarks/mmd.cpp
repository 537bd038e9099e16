// The MMD loss, float32, 16 latent dimensions, two batches: the engine against its definition with whole n x
// n matrices in plain Armadillo. An implementation is timed only after its answer has been checked.
#include "engine/mmd.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "engine/random.hpp"
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

double engine_loss(const Latent& latent) {
    return mmd::loss(latent.points, latent.batch, mmd::Options{});
}

double engine_loss_and_gradient(const Latent& latent) {
    Matrix<float> bar(arma::size(latent.points), arma::fill::zeros);
    return mmd::loss(latent.points, latent.batch, mmd::Options{}, &bar);
}

using Loss = double (*)(const Latent&);

void mmd_loss(benchmark::State& state, Loss loss, unsigned threads) {
    use_threads(loss == plain_loss ? 1 : threads, loss == plain_loss ? threads : 1);
    const Latent small = make_latent(1000);
    if (!(std::abs(engine_loss(small) - plain_loss(small)) < 1e-4)) {
        state.SkipWithError("not timed: the engine and the definition disagree");
        return;
    }
    const auto n = static_cast<uword>(state.range(0));
    const Latent latent = make_latent(n);
    for (auto _ : state) benchmark::DoNotOptimize(loss(latent));
    state.counters["pairs/s"] =
        benchmark::Counter(static_cast<double>(n * n), benchmark::Counter::kIsIterationInvariantRate);
}

void add(const std::string& name, Loss loss, unsigned threads) {
    benchmark::RegisterBenchmark(("mmd/" + name + "/threads:" + std::to_string(threads)).c_str(), mmd_loss,
                                 loss, threads)
        ->ArgName("n")
        ->Arg(5000)
        ->Arg(20000)
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_mmd() {
    for (const unsigned threads : {1U, 2U}) {
        add("plain_armadillo/loss", plain_loss, threads);
        add("engine/loss", engine_loss, threads);
        add("engine/loss_and_gradient", engine_loss_and_gradient, threads);
    }
}

}  // namespace bcbench::benchmarks
