// One training step of the MMD autoencoder, float32, mini-batches of 256 cells, 2,000 features: gradient of the
// objective and update by Adam, against its matrix products alone at the same shapes, timed in turn with it.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/methods/mmd_autoencoder/train.hpp"
#include "engine/training/tensors.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

using arma::uword;
using mmd_autoencoder::Options;

constexpr uword n_features = 2000;
constexpr uword n_cells = 4000;
constexpr std::int64_t mini_batch = 256;

/// Cells that share ten directions, so that there is something to learn.
Dataset<float> make_data() {
    Dataset<float> data{normal(make_key(1), n_features, n_cells), {{}, {"0", "1"}}, {}};
    data.cells += normal(make_key(2), n_features, 10) * normal(make_key(3), 10, n_cells);
    for (uword i = 0; i < n_cells; ++i) data.batch.code.push_back(static_cast<std::uint32_t>(i % 2));
    return data;
}

const Dataset<float>& made_data() {
    static const Dataset<float> data = make_data();
    return data;
}

/// The products of a dense layer in a training step; the first layer's input needs no adjoint.
struct LayerProducts {
    Matrix<float> kernel, x, y, kernel_bar, x_bar;
    bool want_x_bar;

    LayerProducts(uword n_inputs, uword n_outputs, bool is_first)
        : kernel(n_outputs, n_inputs, arma::fill::randn),
          x(n_inputs, mini_batch, arma::fill::randn),
          y(n_outputs, mini_batch),
          want_x_bar(!is_first) {}

    void run() {
        y = kernel * x;
        kernel_bar = y * x.t();
        if (want_x_bar) x_bar = kernel.t() * y;
        benchmark::ClobberMemory();
    }
    double flops() const { return 2.0 * static_cast<double>(kernel.n_elem) * mini_batch * (want_x_bar ? 3.0 : 2.0); }
};

std::vector<LayerProducts> products_of(const Autoencoder<float>& model) {
    std::vector<LayerProducts> products;
    for (const Mlp<float>* mlp : {&model.encoder, &model.decoder}) {
        for (const Dense<float>& layer : mlp->layers) {
            products.emplace_back(layer.kernel.n_cols, layer.kernel.n_rows, products.empty());
        }
    }
    return products;
}

/// A model in training, as train() holds it.
struct Training {
    const Dataset<float>& data = made_data();
    training::MiniBatches<float> cells{data, mini_batch, make_key(7)};
    Autoencoder<float> model;
    mmd_autoencoder::Gradient<float> gradient;

    explicit Training(const Options& widths)
        : model(with_conditional_decoder(mmd_autoencoder::initial_parameters<float>(widths, n_features, Stream(0)), 2,
                                         0)),
          gradient{zeros_like(model), {}} {}

    double step() {
        return mmd_autoencoder::training_step(model, cells.next(), {}, mmd_autoencoder::TrainOptions{}.mmd_weight,
                                              Precision::float32, optimizer::Options{}, 1e-3, gradient);
    }
    double loss() const {
        return mmd_autoencoder::objective<float>(model, data, {}, mmd_autoencoder::TrainOptions{}.mmd_weight,
                                                 Precision::float32, nullptr)
            .objective;
    }
};

/// What is wrong with the gradient of a step, or nothing: its directional derivative against central differences, in
/// double, where both are exact to more digits than are asked for.
std::string fault(const Options& widths) {
    const Dataset<float>& all = made_data();
    Dataset<double> data{arma::conv_to<arma::mat>::from(all.cells.head_cols(mini_batch)), all.batch, {}};
    data.batch.code.resize(mini_batch);
    const training::Kernel kernel{{1.0}, training::BandwidthUnit::absolute};
    const auto model = mmd_autoencoder::initial_parameters<double>(widths, n_features, Stream(0));
    auto bar = zeros_like(model);
    mmd_autoencoder::objective(model, data, kernel, 1.0, Precision::float64, &bar);
    const auto gradients = training::tensors_of<double>(bar);
    const double norm = optimizer::norm(gradients);
    const auto moved_loss = [&](double h) {
        auto moved = model;
        const auto parameters = training::tensors_of<double>(moved);
        for (std::size_t p = 0; p < parameters.size(); ++p) *parameters[p] += h / norm * *gradients[p];
        return mmd_autoencoder::objective<double>(moved, data, kernel, 1.0, Precision::float64, nullptr).objective;
    };
    const double found = (moved_loss(1e-5) - moved_loss(-1e-5)) / 2e-5;
    if (std::abs(found - norm) <= 1e-4 * norm) return {};
    return "slope " + std::to_string(found) + " along a gradient of length " + std::to_string(norm);
}

void training_steps(benchmark::State& state, const Options& widths) {
    use_threads(1, 1);
    const std::string wrong = fault(widths);
    if (!wrong.empty()) {
        state.SkipWithError(("not timed, the gradient is wrong: " + wrong).c_str());
        return;
    }
    Training training(widths);
    std::vector<LayerProducts> products = products_of(training.model);
    double flops = 0.0;
    for (const LayerProducts& layer : products) flops += layer.flops();
    const double first_loss = training.loss();
    time_in_turn(
        state, "of_bare_products", [&] { training.step(); },
        [&] {
            for (LayerProducts& layer : products) layer.run();
        });
    if (!(training.loss() < first_loss)) state.SkipWithError("the steps did not lower the loss");
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["cells/s"] = Counter(static_cast<double>(mini_batch), Counter::kIsIterationInvariantRate);
}

}  // namespace

void register_training() {
    for (const auto& [hidden, latent] : {std::pair{64, 16}, std::pair{128, 64}}) {
        const std::string name = "training/mmd_step/hidden:" + std::to_string(hidden);
        benchmark::RegisterBenchmark(name.c_str(), training_steps, Options{hidden, latent, 1.0})
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace bcbench::benchmarks
