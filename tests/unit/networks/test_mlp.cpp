#include <catch2/catch.hpp>

#include "engine/linear/products.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/networks/mlp.hpp"
#include "tests/support/golden.hpp"

using namespace bcbench;
using bcbench::testing::golden;

TEST_CASE("initial weights are the golden ones to the bit", "[mlp][golden]") {
    Stream stream(1);
    const Mlp<float> encoder = initial_mlp<float>(30, 64, 16, stream);
    const Matrix<float>& kernel = encoder.layers[0].kernel;
    const auto& expected = golden()["mmd_encoder_layer1"];
    for (std::size_t i = 0; i < 5; ++i) REQUIRE(kernel.memptr()[i] == expected["first5"][i].get<float>());
    REQUIRE(arma::accu(arma::conv_to<arma::mat>::from(kernel)) == Approx(expected["sum"].get<double>()).epsilon(1e-14));
    REQUIRE(encoder.layers[0].bias.is_zero());
}

TEST_CASE("harmony's centroids are the golden ones to the bit", "[harmony][golden]") {
    differentiable_harmony::Options options;
    options.n_clusters = 20;
    const auto centroids = differentiable_harmony::initial_parameters<float>(options, 30, Stream(0)).centroids;
    for (arma::uword f = 0; f < 30; ++f) {
        REQUIRE(centroids(f, 0) == golden()["harmony_centroids"]["first_row"][f].get<float>());
    }
}

TEST_CASE("encoder and decoder take their keys from one stream in order", "[mlp]") {
    mmd_autoencoder::Options options{8, 4, 1.0};
    const auto model = mmd_autoencoder::initial_parameters<float>(options, 10, Stream(3));
    Stream stream(3);
    for (int request = 0; request < 6; ++request) stream.next();  // three layers, kernel and bias
    const Mlp<float> decoder = initial_mlp<float>(4, 8, 10, stream);
    for (std::size_t l = 0; l < 3; ++l) {
        REQUIRE(arma::approx_equal(model.decoder.layers[l].kernel, decoder.layers[l].kernel, "absdiff", 0.0F));
    }
}

TEST_CASE("tf32 keeps 10 mantissa bits, ties away from zero", "[linear]") {
    REQUIRE(round_to_tf32(1.0) == 1.0);
    REQUIRE(round_to_tf32(1.0 + 0x1p-10) == 1.0 + 0x1p-10);
    REQUIRE(round_to_tf32(1.0 + 0x1p-11) == 1.0 + 0x1p-10);  // a tie
    REQUIRE(round_to_tf32(-1.0 - 0x1p-11) == -1.0 - 0x1p-10);
    REQUIRE(round_to_tf32(1.0 + 0x1p-12) == 1.0);
    REQUIRE(tf32_eligible(Precision::tf32, 64, 16));
    REQUIRE_FALSE(tf32_eligible(Precision::tf32, 30, 64));
    REQUIRE_FALSE(tf32_eligible(Precision::float32, 64, 16));
}
