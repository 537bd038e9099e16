#include "engine/metrics/lisi/lisi.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/parallel.hpp"
#include "engine/reference/metrics/pairs.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

Neighbors neighbors_of(const arma::mat& cells, arma::uword others = 89) {
    return nearest_neighbors(cells, std::min<arma::uword>(others, cells.n_cols - 1));
}

void check_case(const MetricCase& data) {
    const Neighbors neighbors = neighbors_of(data.cells);
    const lisi::Bandwidths bandwidths = lisi::solve(neighbors);
    const MetricResult batch = lisi::ilisi(neighbors, bandwidths, data.batch);
    const MetricResult label = lisi::clisi(neighbors, bandwidths, data.label);
    check_golden(batch, data.values, "ilisi");
    check_golden(label, data.values, "clisi");
    if (batch.value) {
        CHECK(std::abs(*detail_of(batch, "mean") - data.values["lisi_batch_mean"].get<double>()) <= 1e-9);
        for (std::size_t i = 0; i < 5; ++i) {
            const double wanted = data.values["lisi_batch_first5"][i].get<double>();
            CHECK(std::abs(batch.per_cell[i] - wanted) <= 1e-9 * wanted);
        }
    }
    if (label.value) CHECK(std::abs(*detail_of(label, "mean") - data.values["lisi_label_mean"].get<double>()) <= 1e-9);
}

}  // namespace

TEST_CASE("LISI has the golden values", "[metrics][lisi][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        check_case(generated_case(name));
    }
}

TEST_CASE("LISI has the golden values on real data", "[metrics][lisi][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data);
    }
}

TEST_CASE("LISI agrees with the definition", "[metrics][lisi][reference]") {
    const LabelledCells data = random_cells(7, 150, 3, 4, 1);
    const arma::uword others = GENERATE(1U, 9U, 89U, 90U, 149U);
    const Neighbors neighbors = neighbors_of(data.cells, 149);
    lisi::Options options;
    options.n_others = static_cast<std::int64_t>(others);
    if (others == 9) options.perplexity = 4.5;
    const lisi::Bandwidths bandwidths = lisi::solve(neighbors, options);
    CHECK(bandwidths.n_others == others);
    const double perplexity = others == 9 ? 4.5 : std::floor(static_cast<double>(others + 1) / 3.0);
    REQUIRE(bandwidths.perplexity == perplexity);
    if (perplexity == 0.0) return;
    const std::vector<double> wanted = reference::lisi(data.cells, data.batch, others, perplexity);
    const MetricResult result = lisi::ilisi(neighbors, bandwidths, data.batch);
    // distances are rounded alike; each weight to about 1e-15 (two ways of exp), magnified by beta d, at most about 10
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(result.per_cell[i] == Approx(wanted[i]).epsilon(1e-12));
}

TEST_CASE("LISI does not depend on the order of cells, the names of labels or the number of threads",
          "[metrics][lisi][property][threads]") {
    const LabelledCells data = random_cells(5, 700, 4, 3, 2);
    const auto both = [](const LabelledCells& of) {
        const Neighbors neighbors = neighbors_of(of.cells);
        const lisi::Bandwidths bandwidths = lisi::solve(neighbors);
        return std::pair(lisi::ilisi(neighbors, bandwidths, of.batch), lisi::clisi(neighbors, bandwidths, of.label));
    };
    const auto [batch, label] = both(data);
    const auto [batch_moved, label_moved] = both(permuted(data, 3));
    CHECK(*batch_moved.value == Approx(*batch.value).epsilon(1e-12));
    CHECK(*label_moved.value == Approx(*label.value).epsilon(1e-12));
    LabelledCells other = data;
    other.batch = renamed(data.batch);
    other.label = renamed(data.label);
    set_thread_count(3);
    const auto [batch_renamed, label_renamed] = both(other);
    set_thread_count(1);
    CHECK(batch_renamed.per_cell == batch.per_cell);
    CHECK(label_renamed.per_cell == label.per_cell);
    CHECK(*batch_renamed.value == *batch.value);
}

TEST_CASE("LISI of an even neighbourhood is the number of its categories", "[metrics][lisi]") {
    // all other cells at the same distance: equal weights
    const arma::mat cells = arma::eye(12, 12);
    const Neighbors neighbors = neighbors_of(cells, 11);
    const lisi::Bandwidths bandwidths = lisi::solve(neighbors);
    Labels batch = numbered(std::vector<std::uint32_t>(12), 3);
    for (std::uint32_t i = 0; i < 12; ++i) batch.code[i] = i % 3;
    // 3, 4 and 4 of 11 others: 1 / (3^2 + 4^2 + 4^2) * 11^2
    const MetricResult result = lisi::ilisi(neighbors, bandwidths, batch);
    CHECK(*detail_of(result, "median") == Approx(121.0 / 41.0).epsilon(1e-12));
    CHECK(*result.value == Approx((121.0 / 41.0 - 1.0) / 2.0).epsilon(1e-12));
}

TEST_CASE("LISI names the reason where it cannot be computed", "[metrics][lisi]") {
    const LabelledCells data = random_cells(3, 40, 3, 2, 4);
    const Neighbors neighbors = neighbors_of(data.cells);
    const lisi::Bandwidths bandwidths = lisi::solve(neighbors);
    const Labels one = numbered(std::vector<std::uint32_t>(40, 0), 1);
    CHECK(lisi::ilisi(neighbors, bandwidths, one).reason == "needs at least two batches");
    CHECK(lisi::clisi(neighbors, bandwidths, one).reason == "needs at least two labels");
    CHECK_FALSE(lisi::ilisi(neighbors, bandwidths, one).value);
    // a category that no cell has does not exist
    const Labels unused = numbered(std::vector<std::uint32_t>(40, 1), 3);
    CHECK_FALSE(lisi::ilisi(neighbors, bandwidths, unused).value);

    const arma::mat five = data.cells.head_cols(5);
    const Neighbors few = neighbors_of(five);
    const Labels batch = numbered({0, 1, 0, 1, 0}, 2);
    CHECK(lisi::ilisi(few, lisi::solve(few), batch).reason == "LISI needs at least 6 cells, there are 5");
    lisi::Options options;
    options.perplexity = 50.0;
    CHECK_FALSE(lisi::solve(neighbors, options).reason.empty());
    options.perplexity = 100.0;
    CHECK_THROWS_AS(lisi::solve(neighbors, options), std::invalid_argument);
    options = {};
    options.n_others = 0;
    CHECK_THROWS_AS(lisi::solve(neighbors, options), std::invalid_argument);
}

TEST_CASE("LISI on duplicates and on cells too far apart", "[metrics][lisi]") {
    // more than 30 neighbours at distance 0: only these weigh, evenly
    arma::mat cells = random_cells(3, 120, 2, 2, 5).cells;
    for (arma::uword i = 1; i < 60; ++i) cells.col(i) = cells.col(0);
    Labels batch = numbered(std::vector<std::uint32_t>(120), 2);
    for (std::uint32_t i = 0; i < 120; ++i) batch.code[i] = i % 2;
    const Neighbors neighbors = neighbors_of(cells);
    CHECK(cells_with_duplicates(neighbors) == 60);
    const MetricResult result = lisi::ilisi(neighbors, lisi::solve(neighbors), batch);
    // 29 and 30 of 59 other duplicates
    CHECK(result.per_cell[0] == Approx(59.0 * 59.0 / (29.0 * 29.0 + 30.0 * 30.0)).epsilon(1e-9));

    // all cells alike
    const arma::mat alike(4, 100, arma::fill::value(2.0));
    const Neighbors same = neighbors_of(alike);
    Labels halves = numbered(std::vector<std::uint32_t>(100), 2);
    for (std::uint32_t i = 0; i < 100; ++i) halves.code[i] = i % 2;
    CHECK(lisi::ilisi(same, lisi::solve(same), halves).value.has_value());

    // neighbours at 1e6 whose distances differ by 1e-3: beta of about 1000 makes all weights 0
    arma::mat far = 1e6 * arma::eye(100, 100);
    for (arma::uword i = 0; i < 100; ++i) far(i, i) += 1e-3 * static_cast<double>(i);
    const Neighbors apart = neighbors_of(far);
    const MetricResult none = lisi::ilisi(apart, lisi::solve(apart), halves);
    for (const double value : none.per_cell) CHECK((std::isnan(value) || (value >= 1.0 && value <= 2.0 + 1e-12)));
    if (!none.value) CHECK_FALSE(none.reason.empty());
}

TEST_CASE("LISI refuses too few neighbours and missing labels", "[metrics][lisi]") {
    const LabelledCells data = random_cells(3, 60, 3, 2, 6);
    const Neighbors ten = neighbors_of(data.cells, 10);
    CHECK_THROWS_AS(lisi::solve(ten), std::invalid_argument);
    lisi::Options options;
    options.n_others = 10;
    const lisi::Bandwidths bandwidths = lisi::solve(ten, options);
    CHECK(lisi::ilisi(ten, bandwidths, data.batch).value.has_value());
    Labels missing = data.batch;
    missing.names[1] = "";
    CHECK_THROWS_WITH(lisi::ilisi(ten, bandwidths, missing), Catch::Contains("empty label"));
    missing.code.pop_back();
    CHECK_THROWS_AS(lisi::ilisi(ten, bandwidths, missing), std::invalid_argument);
    // a view on more rows gives the same
    const Neighbors all = neighbors_of(data.cells, 59);
    const NeighborsView first_ten(all, 10);
    CHECK(lisi::solve(first_ten, options).beta == bandwidths.beta);
    CHECK(lisi::ilisi(all, bandwidths, data.batch).per_cell == lisi::ilisi(ten, bandwidths, data.batch).per_cell);
    CHECK_THROWS_AS(NeighborsView(all, 60), std::invalid_argument);
}
