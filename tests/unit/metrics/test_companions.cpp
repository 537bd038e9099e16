// Shares of the variance, the unbiased MMD, and the power of 2 that keeps squares in range.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/magnitude.hpp"
#include "engine/metrics/mmd_unbiased.hpp"
#include "engine/metrics/variance.hpp"
#include "engine/reference/metrics/spread.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

TEST_CASE("variance and its part between labels are those over all pairs of cells", "[metrics]") {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        const LabelledCells data = random_cells(7, 60 + 10 * seed, 3, 4, seed);
        const arma::mat far = data.cells + 1e3;
        for (const arma::mat& cells : {data.cells, far}) {
            CHECK(variance::total(cells) == Approx(reference::total_variance(cells)).epsilon(1e-9));
            CHECK(variance::between(cells, data.batch) ==
                  Approx(reference::variance_between(cells, data.batch)).epsilon(1e-8));
        }
        const arma::fmat single = arma::conv_to<arma::fmat>::from(data.cells);
        CHECK(variance::total(single) ==
              Approx(variance::total(data.cells)).epsilon(1e-12));  // cells are float32 numbers
        CHECK(variance::between(single, data.label) ==
              Approx(variance::between(data.cells, data.label)).epsilon(1e-12));
    }
}

TEST_CASE("shrinking all cells changes no share of the variance", "[metrics]") {
    const LabelledCells data = random_cells(6, 90, 2, 3, 8);
    const auto share = [&](const arma::mat& cells) {
        return variance::between(cells, data.batch) / variance::total(cells);
    };
    const arma::mat small = 0.01 * data.cells;
    CHECK(share(small) == Approx(share(data.cells)).epsilon(1e-12));
    CHECK(share(data.cells) > 0.01);
}

TEST_CASE("the unbiased MMD is its definition over all pairs of batches", "[metrics]") {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        const LabelledCells data = random_cells(4, 50 + 20 * seed, 2, 2 + seed % 3, seed);
        const double expected = reference::mmd_unbiased(data.cells, data.batch);
        CHECK(*mmd_unbiased::evaluate(data.cells, data.batch).value == Approx(expected).epsilon(1e-9).margin(1e-12));
        const arma::fmat single = arma::conv_to<arma::fmat>::from(data.cells);
        CHECK(*mmd_unbiased::evaluate(single, data.batch).value == Approx(expected).epsilon(1e-4).margin(1e-6));
        const arma::mat small = 1e-6 * data.cells;
        CHECK(*mmd_unbiased::evaluate(small, data.batch).value == Approx(expected).epsilon(1e-9).margin(1e-12));
    }
}

TEST_CASE("the unbiased MMD of batches that agree is about 0, whatever their sizes", "[metrics]") {
    double sum = 0.0;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        LabelledCells data = random_cells(3, 120, 1, 1, seed);
        data.batch = {std::vector<std::uint32_t>(120, 0), {"large", "small", "tiny"}};
        for (std::uint32_t i = 0; i < 30; ++i) data.batch.code[i] = i < 10 ? 2 : 1;
        sum += *mmd_unbiased::evaluate(data.cells, data.batch).value / 40.0;
    }
    CHECK(std::abs(sum) < 0.004);  // the biased estimator is 0.06
}

TEST_CASE("an MMD that says nothing is not given", "[metrics]") {
    const arma::mat equal(3, 20, arma::fill::ones);
    const Labels batch{std::vector<std::uint32_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
                       {"a", "b"}};
    CHECK(!mmd_unbiased::evaluate(equal, batch).value);
    Labels alone = batch;
    for (std::uint32_t i = 0; i < 20; ++i) alone.code[i] = i == 0 ? 1 : 0;
    CHECK(mmd_unbiased::evaluate(arma::mat(arma::randn(3, 20)), alone).reason ==
          "needs at least two batches of two cells");
    CHECK_THROWS_AS(mmd_unbiased::evaluate(equal, batch, {1}), std::invalid_argument);
}

TEST_CASE("cells whose squares leave the range of double are brought to 1 by a power of 2", "[metrics]") {
    const arma::mat cells = {{1.5, -0.3}, {0.7, 1.1}};
    CHECK(exponent_to_unit(cells) == 0);
    CHECK(exponent_to_unit(arma::mat(1e-80 * cells)) == 0);
    for (const int exponent : {-1070, -700, -400, 400, 1000}) {
        const arma::mat scaled = times_power_of_2(cells, exponent);
        CHECK(exponent_to_unit(scaled) == -exponent);
        if (exponent > -1000) CHECK(arma::approx_equal(times_power_of_2(scaled, -exponent), cells, "absdiff", 0.0));
    }
    CHECK(exponent_to_unit(arma::mat(2, 2, arma::fill::zeros)) == 0);
    CHECK(exponent_to_unit(arma::fmat(2, 2, arma::fill::value(1e-38F))) == 0);  // its squares are doubles
}
