// The objectives of the trainings have the gradients they claim.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "engine/methods/differentiable_harmony/train.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/methods/mmd_autoencoder/train.hpp"
#include "engine/methods/wgan_autoencoder/train.hpp"
#include "engine/training/tensors.hpp"
#include "tests/support/gradients.hpp"
#include "tests/unit/training/two_types.hpp"

using namespace bcbench;
using bcbench::testing::cells_of;

namespace {

// Largest difference between a gradient and central differences of `loss`, relative to its largest entry.
template <class Model>
double gradient_error(Model& model, Model& model_bar, const std::function<double()>& loss) {
    const auto parameters = training::tensors_of<double>(model);
    const auto gradients = training::tensors_of<double>(model_bar);
    double error = 0.0;
    double largest = 0.0;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        for (arma::uword i = 0; i < parameters[p]->n_elem; ++i) {
            double& value = parameters[p]->memptr()[i];
            const double at = value;
            const double h = 1e-6;
            value = at + h;
            const double above = loss();
            value = at - h;
            const double below = loss();
            value = at;
            const double analytic = gradients[p]->memptr()[i];
            error = std::max(error, std::abs(analytic - (above - below) / (2.0 * h)));
            largest = std::max(largest, std::abs(analytic));
        }
    }
    REQUIRE(largest > 1e-4);
    return error / largest;
}

}  // namespace

TEST_CASE("the objective of the MMD training has the gradient it claims", "[training]") {
    const Dataset<double> data = cells_of({6, 8, 4}, {0, 1, 2});
    mmd_autoencoder::Options options;
    options.hidden_dim = 5;
    options.latent_dim = 3;
    for (const auto estimator :
         {mmd::Estimator::masked, mmd::Estimator::biased, mmd::Estimator::unbiased, mmd::Estimator::masked_unbiased}) {
        for (const auto pairs : {mmd::Pairs::first_vs_rest, mmd::Pairs::each_vs_all}) {
            training::Kernel kernel;
            kernel.estimator = estimator;
            kernel.pairs = pairs;
            kernel.bandwidths = {0.5, 2.0};
            kernel.unit =
                training::BandwidthUnit::absolute;  // a median would be held constant, which differences are not
            auto model = with_conditional_decoder(
                mmd_autoencoder::initial_parameters<double>(options, data.cells.n_rows, Stream(2)), 3, 1);
            auto bar = zeros_like(model);
            mmd_autoencoder::objective(model, data, kernel, 2.0, Precision::float64, &bar);
            const double error = gradient_error(model, bar, [&] {
                return mmd_autoencoder::objective<double>(model, data, kernel, 2.0, Precision::float64, nullptr)
                    .objective;
            });
            INFO(static_cast<int>(estimator) << ' ' << static_cast<int>(pairs));
            REQUIRE(error < 1e-6);
        }
    }
}

TEST_CASE("both players of the WGAN training have the gradients they claim", "[training]") {
    const Dataset<double> data = cells_of({6, 8}, {0, 1});
    wgan_autoencoder::Options options;
    options.hidden_dim = 5;
    options.latent_dim = 3;
    options.discriminator_hidden_dim = 4;
    auto model = wgan_autoencoder::initial_parameters<double>(options, data.cells.n_rows, Stream(2));
    auto bar = wgan_autoencoder::zeros_like(model);
    wgan_autoencoder::generator_objective(model, data, 0.7, Precision::float64, &bar.autoencoder);
    const auto generator = [&] {
        return wgan_autoencoder::generator_objective<double>(model, data, 0.7, Precision::float64, nullptr).objective;
    };
    REQUIRE(gradient_error(model.autoencoder, bar.autoencoder, generator) < 1e-6);

    const Matrix<double> latent =
        mlp_forward<double>(model.autoencoder.encoder, data.cells, Precision::float64, nullptr);
    wgan_autoencoder::critic_objective(model.critic, latent, data.batch, Precision::float64, &bar.critic);
    const auto critic = [&] {
        const auto scores = wgan_autoencoder::score(model.critic, latent, data.batch, Precision::float64);
        return scores.fake - scores.real;
    };
    REQUIRE(gradient_error(model.critic, bar.critic, critic) < 1e-6);
}

TEST_CASE("the objective of the Harmony training has the gradient it claims", "[training]") {
    const Dataset<double> data = cells_of({6, 8, 4}, {0, 1, 2});
    differentiable_harmony::Options method;
    method.n_clusters = 4;
    method.n_iterations = 3;
    method.temperature = 100.0;
    differentiable_harmony::TrainOptions options;
    options.preservation_weight = 0.5;
    options.kernel.unit = training::BandwidthUnit::absolute;
    options.kernel.bandwidths = {1.0, 4.0};
    differentiable_harmony::Parameters<double> model{data.cells.cols(arma::uvec{1, 5, 9, 15})};
    differentiable_harmony::Parameters<double> bar{arma::zeros(arma::size(model.centroids))};
    differentiable_harmony::objective(model, data, method, options, options.kernel, &bar);
    const double error = gradient_error(model, bar, [&] {
        return differentiable_harmony::objective<double>(model, data, method, options, options.kernel, nullptr)
            .objective;
    });
    REQUIRE(error < 1e-6);
}

TEST_CASE("each loss of the Harmony training alone has the gradient it claims", "[training]") {
    const Dataset<double> data = cells_of({6, 8, 4}, {0, 1, 2});
    const arma::mat y =
        data.cells + 0.3 * testing::random_like(4, data.cells);  // beside the other losses each may be small
    arma::mat bar(arma::size(y), arma::fill::zeros);
    differentiable_harmony::distortion(y, data.cells, data.batch, &bar, 0.7);
    testing::require_right(check_gradient(
        [&](const arma::mat& at) {
            return Evaluation{
                arma::mat{differentiable_harmony::distortion<double>(at, data.cells, data.batch, nullptr, 1.0)}, 0};
        },
        y, arma::mat{0.7}, bar));
    bar.zeros();
    differentiable_harmony::mean_difference(y, data.batch, &bar, 0.7);
    testing::require_right(check_gradient(
        [&](const arma::mat& at) {
            return Evaluation{arma::mat{differentiable_harmony::mean_difference<double>(at, data.batch, nullptr, 1.0)},
                              0};
        },
        y, arma::mat{0.7}, bar));
}
