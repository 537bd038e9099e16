// The gradient penalty of a critic: its value from numeric slopes, its gradient from differences, its points.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/methods/wgan_autoencoder/gradient_penalty.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "engine/training/tensors.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using wgan_autoencoder::gradient_penalty;

namespace {

// Biases away from 0, so that some units are silent for some points and not for others.
Mlp<double> critic_with_biases(Stream& stream) {
    Mlp<double> critic = initial_mlp<double>(3, 5, 1, stream);
    for (auto& layer : critic.layers) layer.bias = 0.3 * random_matrix(8, layer.bias.n_elem, 1);
    return critic;
}

// (||slope|| - 1)^2 averaged over points, the slope by central differences.
double numeric_penalty(const Mlp<double>& critic, const arma::mat& points, double h) {
    const auto score = [&](const arma::mat& at) {
        return arma::as_scalar(mlp_forward<double>(critic, at, Precision::float64, nullptr));
    };
    double penalty = 0.0;
    for (arma::uword i = 0; i < points.n_cols; ++i) {
        double squared = 0.0;
        for (arma::uword l = 0; l < points.n_rows; ++l) {
            arma::mat above = points.col(i);
            arma::mat below = points.col(i);
            above[l] += h;
            below[l] -= h;
            squared += std::pow((score(above) - score(below)) / (2.0 * h), 2);
        }
        penalty += std::pow(std::sqrt(squared) - 1.0, 2) / static_cast<double>(points.n_cols);
    }
    return penalty;
}

}  // namespace

TEST_CASE("the gradient penalty is that of the critic's numeric slopes", "[gradients][training]") {
    Stream stream(4);
    const Mlp<double> critic = critic_with_biases(stream);
    const arma::mat points = random_matrix(5, 3, 7);
    // the score is linear between kinks: differences are exact up to rounding, about 1e-16 / h
    REQUIRE(gradient_penalty<double>(critic, points, 1.0, nullptr) ==
            Approx(numeric_penalty(critic, points, 1e-6)).epsilon(1e-8));
}

TEST_CASE("the gradient penalty has the gradient it claims, in every parameter of the critic",
          "[gradients][training]") {
    Stream stream(4);
    Mlp<double> critic = critic_with_biases(stream);
    const arma::mat points = random_matrix(5, 3, 7);
    Mlp<double> bar = zeros_like(critic);
    gradient_penalty<double>(critic, points, 0.7, &bar);
    const auto parameters = training::tensors_of<double>(critic);
    const auto gradients = training::tensors_of<double>(bar);
    for (std::size_t p = 0; p < parameters.size(); ++p) {
        const arma::mat at = *parameters[p];
        const auto penalty = [&](const arma::mat& x) {
            *parameters[p] = x;
            MlpTape<double> tape;
            mlp_forward(critic, points, Precision::float64, &tape);
            const double value = gradient_penalty<double>(critic, points, 1.0, nullptr);
            *parameters[p] = at;
            return Evaluation{arma::mat{value}, choices(tape)};
        };
        require_right(check_gradient(penalty, at, arma::mat{0.7}, *gradients[p]));
    }
    REQUIRE(arma::norm(bar.layers[1].kernel) > 1e-3);
    for (const auto& layer : bar.layers) REQUIRE(layer.bias.is_zero());
}

TEST_CASE("a critic without slope has a penalty of 1 and no gradient", "[gradients][training]") {
    Stream stream(4);
    Mlp<double> critic = initial_mlp<double>(3, 5, 1, stream);
    critic.layers[2].kernel.zeros();  // 8 points: the mean of ones is exact
    Mlp<double> bar = zeros_like(critic);
    REQUIRE(gradient_penalty<double>(critic, random_matrix(5, 3, 8), 1.0, &bar) == 1.0);
    for (const auto& layer : bar.layers) REQUIRE(layer.kernel.is_zero());
}

TEST_CASE("points between batches lie on lines from batch 0 to the others", "[training]") {
    const Labels batch = batches_of({3, 2, 4});
    // batch 0 at (0, y), all others at (1, y): the first coordinate is the share of the other side
    arma::mat latent = random_matrix(6, 2, 9);
    for (arma::uword i = 0; i < 9; ++i) latent(0, i) = batch.code[i] == 0 ? 0.0 : 1.0;
    const Key key = make_key(11);
    const arma::mat points = wgan_autoencoder::points_between(latent, batch, key);
    for (arma::uword i = 0; i < 9; ++i) {
        bool on_a_line = false;
        for (arma::uword a = 0; a < 3; ++a) {
            for (arma::uword b = 3; b < 9; ++b) {
                const double share = points(0, i);
                const arma::vec on_line = (1.0 - share) * latent.col(a) + share * latent.col(b);
                on_a_line = on_a_line || arma::norm(on_line - points.col(i)) < 1e-12;
            }
        }
        CHECK(on_a_line);
        CHECK(points(0, i) >= 0.0);
        CHECK(points(0, i) <= 1.0);
    }
    CHECK(arma::stddev(points.row(0)) > 0.1);
    CHECK(arma::approx_equal(points, wgan_autoencoder::points_between(latent, batch, key), "absdiff", 0.0));
    CHECK_FALSE(
        arma::approx_equal(points, wgan_autoencoder::points_between(latent, batch, make_key(12)), "absdiff", 0.1));
}
