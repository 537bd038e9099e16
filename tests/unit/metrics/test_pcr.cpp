#include "engine/metrics/pcr.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/reference/metrics/partitions.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

void check_case(const MetricCase& data, const arma::mat& before) {
    check_golden(pcr_comparison(before, data.cells, data.batch), data.values, "pcr_comparison", 1e-12);
    const double share_before = *between_batch_share(before, data.batch);
    const double share_after = *between_batch_share(data.cells, data.batch);
    CHECK(std::abs(share_before - data.values["between_share_pre"].get<double>()) <= 1e-12);
    CHECK(std::abs(share_after - data.values["between_share_post"].get<double>()) <= 1e-12);
}

}  // namespace

TEST_CASE("the batches' share of variance has the golden values", "[metrics][pcr][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        const MetricCase data = generated_case(name);
        check_case(data, data.cells);
    }
}

TEST_CASE("the batches' share of variance has the golden values on real data", "[metrics][pcr][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data, name == "pbmc_3500_half_centred" ? real_case("pbmc_3500")->cells : data->cells);
    }
}

TEST_CASE("the batches' share of variance is the regression of all components", "[metrics][pcr][reference]") {
    for (const std::uint32_t batches : {2U, 3U, 40U}) {
        const LabelledCells data = random_cells(9, 250, 3, batches, batches);
        const double wanted = reference::between_batch_share(data.cells, data.batch);
        CHECK(std::abs(*between_batch_share(data.cells, data.batch) - wanted) <= 1e-12);
        const auto floats = arma::conv_to<Matrix<float>>::from(data.cells);  // the cells are float32 numbers
        CHECK(*between_batch_share(floats, data.batch) == *between_batch_share(data.cells, data.batch));
    }
}

TEST_CASE("a small outlying batch among many cells counts", "[metrics][pcr]") {
    // 300 of 100000 cells: a regression with a relative cut of singular values would lose them
    arma::mat before(3, 100000);
    for (arma::uword i = 0; i < before.n_cols; ++i) {
        for (arma::uword f = 0; f < 3; ++f) before(f, i) = static_cast<double>((i * (7 + 4 * f)) % 101) / 50.0 - 1.0;
    }
    Labels batch = numbered(std::vector<std::uint32_t>(before.n_cols, 0), 2);
    arma::mat after = before;
    for (arma::uword i = 0; i < 300; ++i) {
        batch.code[i] = 1;
        before.col(i) += 30.0;
    }
    const MetricResult result = pcr_comparison(before, after, batch);
    CHECK(*detail_of(result, "share_before") > 0.5);
    CHECK(*result.value > 0.99);
}

TEST_CASE("principal component regression compares before and after", "[metrics][pcr][property][threads]") {
    const LabelledCells data = random_cells(5, 400, 3, 3, 4);
    CHECK(*pcr_comparison(data.cells, data.cells, data.batch).value == 0.0);
    arma::mat centred = data.cells;
    for (std::uint32_t b = 0; b < 3; ++b) {
        std::vector<arma::uword> own;
        for (arma::uword i = 0; i < 400; ++i) {
            if (data.batch.code[i] == b) own.push_back(i);
        }
        centred.each_col(arma::uvec(own)) -= arma::vec(arma::mean(centred.cols(arma::uvec(own)), 1));
    }
    const MetricResult best = pcr_comparison(data.cells, centred, data.batch);
    CHECK(*best.value == Approx(1.0).epsilon(1e-12));
    const arma::mat half = (data.cells + centred) / 2.0;
    const MetricResult worse = pcr_comparison(half, data.cells, data.batch);
    CHECK(*worse.value == 0.0);
    CHECK(*detail_of(worse, "unclipped") < 0.0);
    const MetricResult better = pcr_comparison(data.cells, half, data.batch);
    const LabelledCells moved = permuted(data, 5);
    CHECK(*between_batch_share(moved.cells, moved.batch) ==
          Approx(*between_batch_share(data.cells, data.batch)).epsilon(1e-12));
    arma::mat shifted = 1e5 + 100.0 * data.cells;
    shifted.insert_rows(2, arma::mat(1, 400, arma::fill::value(-7.25)));  // a constant feature changes nothing
    CHECK(*between_batch_share(shifted, data.batch) ==
          Approx(*between_batch_share(data.cells, data.batch)).epsilon(1e-9));
    set_thread_count(4);
    CHECK(*pcr_comparison(data.cells, half, renamed(data.batch)).value == *better.value);
    set_thread_count(1);
    const arma::mat other_features = half.head_rows(2);
    CHECK(pcr_comparison(data.cells, other_features, data.batch).value.has_value());
}

TEST_CASE("principal component regression names the reason where it says nothing", "[metrics][pcr]") {
    const LabelledCells data = random_cells(4, 50, 2, 2, 6);
    CHECK(pcr_comparison(data.cells, data.cells, numbered(std::vector<std::uint32_t>(50, 0), 1)).reason ==
          "needs at least two batches");
    const arma::mat alike(4, 50, arma::fill::value(0.1));
    CHECK(pcr_comparison(alike, data.cells, data.batch).reason == "all cells are alike before correction");
    CHECK(pcr_comparison(data.cells, alike, data.batch).reason == "all cells are alike after correction");
    arma::mat same(4, 50);
    for (arma::uword i = 0; i < 50; ++i) same.col(i) = data.cells.col(i / 2);  // each cell once in each batch
    Labels twins = data.batch;
    for (std::uint32_t i = 0; i < 50; ++i) twins.code[i] = i % 2;
    CHECK(pcr_comparison(same, data.cells, twins).reason == "the batches explain no variance before correction");
    CHECK_THROWS_AS(pcr_comparison(data.cells, arma::mat(data.cells.head_cols(49)), data.batch), std::invalid_argument);
    arma::mat wrong = data.cells;
    wrong(0, 0) = arma::datum::nan;
    CHECK_THROWS_AS(between_batch_share(wrong, data.batch), NumericalError);
    wrong(0, 0) = 1e300;
    CHECK_THROWS_AS(between_batch_share(wrong, data.batch), NumericalError);
}
