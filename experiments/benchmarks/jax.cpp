// What scripts/parity_jax.py times in JAX as well, one case a row of its table: float32, one thread. The answers are
// compared there, in float64; here nothing is checked.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "engine/methods/wgan_autoencoder/train.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;
namespace harmony = differentiable_harmony;
namespace wgan = wgan_autoencoder;

constexpr std::int64_t steps_of_a_training = 50;

/// Cells of five batches, one after the other.
Dataset<float> data_of(uword n, uword n_features) {
    Dataset<float> data{normal(make_key(1), n_features, n), {{}, {"0", "1", "2", "3", "4"}}, {}};
    for (uword i = 0; i < n; ++i) data.batch.code.push_back(static_cast<std::uint32_t>(i * 5 / n));
    return data;
}

/// Of data and ones as adjoint of the corrected cells.
template <class Problem>
void timed(benchmark::State& state, void (*body)(Problem&)) {
    use_threads(1, 1);
    Problem problem(static_cast<uword>(state.range(0)), static_cast<uword>(state.range(1)));
    for (auto _ : state) body(problem);
}

struct Wgan {
    Dataset<float> data;
    wgan::Options options;
    wgan::Parameters<float> parameters;
    arma::fmat ones;

    Wgan(uword n, uword n_features) : data(data_of(n, n_features)), ones(n_features, n, arma::fill::ones) {
        options.precision = Precision::float32;
        parameters = wgan::initial_parameters<float>(options, n_features, Stream(0));
    }
};

void wgan_forward(Wgan& p) { benchmark::DoNotOptimize(wgan::forward(p.data, p.parameters, p.options)); }

void wgan_gradient(Wgan& p) {
    const Autoencoder<float>& model = p.parameters.autoencoder;
    const auto pass = autoencoder_forward(model, p.data.cells, p.data.batch, Precision::float32, true);
    benchmark::DoNotOptimize(
        autoencoder_backward<float>(model, p.data.cells, pass, {}, {}, p.ones, Precision::float32, nullptr));
}

void wgan_joint_steps(Wgan& p) {
    wgan::TrainOptions options;
    options.updates = wgan::Updates::joint;
    options.conditional_decoder = false;
    training::Options common;
    common.steps = steps_of_a_training;
    common.learning_rate = 1e-6;  // it diverges (train.hpp)
    benchmark::DoNotOptimize(wgan::train<float>(p.data, p.parameters, options, common, Precision::float32));
}

struct Harmony {
    Dataset<float> data;
    harmony::Options options;
    harmony::Parameters<float> parameters;
    harmony::Parameters<float> bar;
    arma::fmat ones;

    Harmony(uword n, uword n_features)
        : data(data_of(n, n_features)),
          parameters(harmony::initial_parameters<float>(options, n_features, Stream(0))),
          bar{arma::fmat(arma::size(parameters.centroids), arma::fill::zeros)},
          ones(n_features, n, arma::fill::ones) {}
};

void harmony_forward(Harmony& p) { benchmark::DoNotOptimize(harmony::forward(p.data, p.parameters, p.options)); }

void harmony_gradient(Harmony& p) {
    const auto taped = harmony::forward(p.data, p.parameters, p.options, true);
    benchmark::DoNotOptimize(harmony::backward<float>(taped, p.ones, nullptr));
}

void harmony_gradient_with_centroids(Harmony& p) {
    const auto taped = harmony::forward(p.data, p.parameters, p.options, true);
    benchmark::DoNotOptimize(harmony::backward(taped, p.ones, &p.bar));
}

template <class Problem>
void add(const std::string& name, void (*body)(Problem&), uword n, uword n_features) {
    benchmark::RegisterBenchmark(("jax/" + name).c_str(), timed<Problem>, body)
        ->Args({static_cast<std::int64_t>(n), static_cast<std::int64_t>(n_features)})
        ->ArgNames({"n", "features"})
        ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_jax() {
    for (const uword n : {5000U, 20000U}) {
        add("wgan_forward", wgan_forward, n, 50);
        add("wgan_gradient", wgan_gradient, n, 50);
    }
    add("wgan_joint_steps:" + std::to_string(steps_of_a_training), wgan_joint_steps, 256, 2000);
    for (const auto& [n, n_features] : {std::pair{100U, 30U}, std::pair{100000U, 50U}}) {
        add("harmony_forward", harmony_forward, n, n_features);
        add("harmony_gradient", harmony_gradient, n, n_features);
        add("harmony_gradient_with_centroids", harmony_gradient_with_centroids, n, n_features);
    }
}

}  // namespace bcbench::benchmarks
