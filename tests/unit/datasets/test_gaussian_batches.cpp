#include <catch2/catch.hpp>

#include "engine/datasets/gaussian_batches.hpp"
#include "tests/support/golden.hpp"

using namespace bcbench;
using bcbench::testing::golden;

TEST_CASE("the documented dataset is reproduced to the bit", "[gaussian_batches][golden]") {
    const Dataset<float> data = gaussian_batches::generate({}, 42);
    const auto& expected = golden()["dataset"];
    REQUIRE(data.cells.n_cols == expected["shape"][0]);
    REQUIRE(data.cells.n_rows == expected["shape"][1]);
    for (arma::uword f = 0; f < data.cells.n_rows; ++f) {
        REQUIRE(data.cells(f, 0) == expected["first_row"][f].get<float>());
        REQUIRE(data.cells(f, 99) == expected["last_row"][f].get<float>());
    }
    const double sum = arma::accu(arma::conv_to<arma::mat>::from(data.cells));
    REQUIRE(testing::relative_difference(sum, expected["sum"].get<double>()) < 1e-14);  // 3000 doubles in another order
    REQUIRE(label_sizes(data.batch) == std::vector<std::size_t>{50, 50});
    REQUIRE(label_sizes(data.type) == std::vector<std::size_t>{50, 50});
}

TEST_CASE("without noise, cells are type blocks plus batch shifts", "[gaussian_batches]") {
    gaussian_batches::Options options;
    options.n_types = 3;
    options.n_features = 10;  // blocks of 3, 3 and 4
    options.n_cells_per_batch = {7, 9, 4};
    options.batch_shifts = {0.0, 1.5, -2.0};
    options.noise_sd = 0.0;
    const Dataset<float> data = gaussian_batches::generate(options, 1);
    REQUIRE(data.cells.n_cols == 6 + 9 + 3);
    REQUIRE(label_sizes(data.batch) == std::vector<std::size_t>{6, 9, 3});
    for (arma::uword i = 0; i < data.cells.n_cols; ++i) {
        const arma::uword t = data.type.code[i];
        for (arma::uword f = 0; f < 10; ++f) {
            const bool own_block = t == std::min<arma::uword>(f / 3, 2);
            REQUIRE(data.cells(f, i) ==
                    (own_block ? 5.0F : 0.0F) + static_cast<float>(options.batch_shifts[data.batch.code[i]]));
        }
    }
}

TEST_CASE("a batch's noise does not depend on the size of the others", "[gaussian_batches]") {
    gaussian_batches::Options options;
    options.n_cells_per_batch = {20, 20};
    const Dataset<float> small = gaussian_batches::generate(options, 5);
    options.n_cells_per_batch = {20, 80};
    const Dataset<float> large = gaussian_batches::generate(options, 5);
    // the first type of the second batch: its first 10 of 40 cells are drawn from the same key, row by row
    REQUIRE(arma::approx_equal(small.cells.head_cols(30), large.cells.head_cols(30), "absdiff", 0.0F));
    const Dataset<float> other_seed = gaussian_batches::generate(options, 6);
    REQUIRE_FALSE(arma::approx_equal(large.cells, other_seed.cells, "absdiff", 0.0F));
}

TEST_CASE("values that leave float32 are refused", "[gaussian_batches]") {
    gaussian_batches::Options options;
    options.type_signal = 1e39;
    REQUIRE_THROWS_AS(gaussian_batches::generate(options, 0), std::invalid_argument);
    options.type_signal = 1e30;
    REQUIRE(gaussian_batches::generate(options, 0).cells.is_finite());
}

TEST_CASE("contradicting options are refused", "[gaussian_batches]") {
    gaussian_batches::Options options;
    SECTION("sizes") { options.n_cells_per_batch = {10, 10, 10}; }
    SECTION("no batches") { options.batch_shifts = {}; }
    SECTION("too few cells") { options.n_cells_per_batch = {1}; }
    SECTION("too few features") { options.n_features = 1; }
    SECTION("noise") { options.noise_sd = -1.0; }
    REQUIRE_THROWS_AS(gaussian_batches::generate(options, 0), std::invalid_argument);
}
