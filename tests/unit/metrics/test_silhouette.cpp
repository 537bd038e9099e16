#include "engine/metrics/silhouettes/silhouette.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/silhouettes/isolated_labels.hpp"
#include "engine/metrics/silhouettes/tiles.hpp"
#include "engine/reference/metrics/pairs.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

constexpr silhouette::Options double_options{true};

void check_case(const MetricCase& data) {
    const silhouette::DistanceSums exact = silhouette::measure(data.cells, data.label, data.batch, double_options);
    const silhouette::DistanceSums single = silhouette::measure(data.cells, data.label, data.batch);
    const auto floats = arma::conv_to<Matrix<float>>::from(data.cells);
    const silhouette::DistanceSums of_floats = silhouette::measure(floats, data.label, data.batch);
    for (const auto& [sums, tolerance] :
         {std::pair(&exact, 1e-9), std::pair(&single, 1e-6), std::pair(&of_floats, 1e-6)}) {
        check_golden(silhouette::silhouette_label(*sums), data.values, "silhouette_label", tolerance);
        check_golden(silhouette::silhouette_batch(*sums), data.values, "silhouette_batch", tolerance);
        check_golden(isolated_labels::evaluate(*sums), data.values, "isolated_labels", tolerance);
    }
}

void check_against_reference(const LabelledCells& data) {
    const auto label = reference::silhouette_label(data.cells, data.label, reference::Distance::euclidean);
    const auto batch = reference::silhouette_batch(data.cells, data.label, data.batch, reference::Distance::euclidean,
                                                   reference::Between::nearest);
    const auto isolated = reference::isolated_labels(data.cells, data.label, data.batch);
    for (const bool use_double : {true, false}) {
        // single: products of norms up to the tiles' extent, rounded to 6e-8; double: the same at 1e-16, but squared
        // distances near 0 lose half the digits
        const double tolerance = use_double ? 1e-11 : 1e-6;
        const silhouette::DistanceSums sums =
            silhouette::measure(data.cells, data.label, data.batch, silhouette::Options{use_double});
        const MetricResult of_label = silhouette::silhouette_label(sums);
        const MetricResult of_batch = silhouette::silhouette_batch(sums);
        REQUIRE(of_label.value.has_value() == label.has_value());
        REQUIRE(of_batch.value.has_value() == batch.has_value());
        if (label) CHECK(std::abs(*of_label.value - *label) <= tolerance);
        if (batch) CHECK(std::abs(*of_batch.value - *batch) <= tolerance);
        if (isolated) CHECK(std::abs(*isolated_labels::evaluate(sums).value - *isolated) <= tolerance);
    }
}

}  // namespace

TEST_CASE("silhouettes have the golden values", "[metrics][silhouette][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        check_case(generated_case(name));
    }
    const MetricCase three = generated_case("gauss_three");
    const MetricResult result =
        silhouette::silhouette_label(silhouette::measure(three.cells, three.label, three.batch, double_options));
    for (std::size_t i = 0; i < 5; ++i) {
        const double wanted = golden_metrics()["steps"]["silhouette_label_first5"][i].get<double>();
        CHECK(std::abs(result.per_cell[i] - wanted) <= 1e-9);
    }
}

TEST_CASE("silhouettes have the golden values on real data", "[metrics][silhouette][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data);
    }
}

TEST_CASE("silhouettes agree with the definition", "[metrics][silhouette][reference]") {
    check_against_reference(random_cells(5, 60, 3, 2, 1));
    check_against_reference(random_cells(1, 384, 2, 3, 2));
    check_against_reference(random_cells(17, 385, 4, 3, 3));   // a tile and one cell
    check_against_reference(random_cells(3, 1000, 5, 4, 4));   // three tiles
    check_against_reference(random_cells(2, 500, 170, 2, 5));  // labels of about three cells
    check_against_reference(random_cells(4, 450, 2, 100, 6));  // batches of about two cells of each label
    check_against_reference(random_cells(50, 1300, 1, 5, 7));  // one label
}

TEST_CASE("silhouettes of tight groups far from one another keep their distances", "[metrics][silhouette]") {
    // groups of width 1e-3 at distances of 1e3: |x|^2 + |y|^2 - 2 x.y about one centre would lose them in float
    LabelledCells data = random_cells(6, 900, 3, 3, 8);
    for (arma::uword i = 0; i < 900; ++i) {
        data.cells.col(i) *= 1e-3;
        data.cells.col(i) += 1e3 * static_cast<double>(data.label.code[i]);
    }
    const auto wanted = reference::silhouette_batch(data.cells, data.label, data.batch, reference::Distance::euclidean,
                                                    reference::Between::nearest);
    const silhouette::DistanceSums sums = silhouette::measure(data.cells, data.label, data.batch);
    // labels share tiles, whose extent is a million times the labels' own: products in double leave 1e-16 * 1e12 of a
    // squared distance, products in float would leave nothing
    CHECK(std::abs(*silhouette::silhouette_batch(sums).value - *wanted) <= 1e-5);
    const auto label = reference::silhouette_label(data.cells, data.label, reference::Distance::euclidean);
    CHECK(std::abs(*silhouette::silhouette_label(sums).value - *label) <= 1e-7);
}

TEST_CASE("silhouettes do not depend on order, names, scale, place or threads",
          "[metrics][silhouette][property][threads]") {
    const LabelledCells data = random_cells(6, 1200, 4, 3, 9);
    const auto measured = [](const LabelledCells& of) { return silhouette::measure(of.cells, of.label, of.batch); };
    const silhouette::DistanceSums sums = measured(data);
    const double label = *silhouette::silhouette_label(sums).value;
    const double batch = *silhouette::silhouette_batch(sums).value;
    const double isolated = *isolated_labels::evaluate(sums).value;
    const auto check_same = [&](const LabelledCells& other) {
        const silhouette::DistanceSums moved = measured(other);
        CHECK(std::abs(*silhouette::silhouette_label(moved).value - label) <= 1e-6);
        CHECK(std::abs(*silhouette::silhouette_batch(moved).value - batch) <= 1e-6);
        CHECK(std::abs(*isolated_labels::evaluate(moved).value - isolated) <= 1e-6);
    };
    check_same(permuted(data, 10));
    LabelledCells other = data;
    for (const double scale : {1e-300, 1e-30, 3.0, 1e200}) {
        other.cells = scale * data.cells;
        check_same(other);
    }
    other.cells = data.cells + 1e3;
    check_same(other);
    other = data;
    other.label = renamed(data.label);
    other.batch = renamed(data.batch);
    for (const unsigned threads : {2U, 5U}) {
        set_thread_count(threads);
        const silhouette::DistanceSums again = measured(other);
        set_thread_count(1);
        CHECK(again.to_batch == sums.to_batch);
        CHECK(arma::approx_equal(again.to_label, sums.to_label, "absdiff", 0.0));
        CHECK(*silhouette::silhouette_label(again).value == label);
    }
}

TEST_CASE("equal cells have distance 0 in every tile", "[metrics][silhouette]") {
    // 800 equal cells of one label over three tiles, two batches, among others
    LabelledCells data = random_cells(7, 1100, 2, 2, 11);
    for (arma::uword i = 0; i < 800; ++i) {
        data.cells.col(i) = data.cells.col(0);
        data.label.code[i] = 0;
    }
    for (arma::uword i = 800; i < 1100; ++i) data.label.code[i] = 1;
    for (const bool use_double : {false, true}) {
        const silhouette::DistanceSums sums =
            silhouette::measure(data.cells, data.label, data.batch, silhouette::Options{use_double});
        const MetricResult batch = silhouette::silhouette_batch(sums);
        CHECK(*batch.per_label[0].value == 1.0);  // a = b = 0
        CHECK(silhouette::silhouette_label(sums).per_cell[5] == 1.0);
    }
}

TEST_CASE("silhouettes name the reason where they cannot be computed", "[metrics][silhouette]") {
    const LabelledCells data = random_cells(3, 40, 2, 2, 12);
    const Labels one = numbered(std::vector<std::uint32_t>(40, 0), 1);
    std::vector<std::uint32_t> each(40);
    std::iota(each.begin(), each.end(), 0U);
    const Labels all_different = numbered(each, 40);

    const silhouette::DistanceSums one_label = silhouette::measure(data.cells, one, data.batch);
    CHECK(silhouette::silhouette_label(one_label).reason == "needs at least two labels");
    CHECK(isolated_labels::evaluate(one_label).reason == "needs at least two labels");
    CHECK(silhouette::silhouette_batch(one_label).value.has_value());

    const silhouette::DistanceSums one_batch = silhouette::measure(data.cells, data.label, one);
    CHECK_FALSE(silhouette::silhouette_batch(one_batch).value);
    CHECK(silhouette::silhouette_batch(one_batch).per_label[0].reason == "the label occurs in one batch only");
    CHECK(isolated_labels::evaluate(one_batch).value.has_value());

    CHECK(*silhouette::silhouette_label(silhouette::measure(data.cells, all_different, data.batch)).value == 0.5);
    const MetricResult batches =
        silhouette::silhouette_batch(silhouette::measure(data.cells, data.label, all_different));
    CHECK_FALSE(batches.value);
    CHECK(batches.per_label[1].reason == "each cell of the label is of another batch");

    // all cells alike: no silhouette is above or below 0
    const arma::mat alike(3, 40, arma::fill::value(0.3));
    const silhouette::DistanceSums zero = silhouette::measure(alike, data.label, data.batch);
    CHECK(*silhouette::silhouette_label(zero).value == 0.5);
    CHECK(*silhouette::silhouette_batch(zero).value == 1.0);

    CHECK_THROWS_AS(silhouette::silhouette_batch(silhouette::measure(data.cells, data.label, Labels{})),
                    std::invalid_argument);
    arma::mat wrong = data.cells;
    wrong(1, 2) = arma::datum::nan;
    CHECK_THROWS_AS(silhouette::measure(wrong, data.label, data.batch), NumericalError);
}

TEST_CASE("isolated labels are those of the fewest batches", "[metrics][silhouette]") {
    LabelledCells data = random_cells(4, 300, 3, 3, 13);
    for (std::size_t i = 0; i < 300; ++i) {
        if (data.label.code[i] == 2) data.batch.code[i] = 1;  // the third label in one batch
    }
    const silhouette::DistanceSums sums = silhouette::measure(data.cells, data.label, data.batch);
    const MetricResult result = isolated_labels::evaluate(sums);
    CHECK(*detail_of(result, "n_max_batches") == 1.0);
    CHECK(*detail_of(result, "n_labels") == 1.0);
    CHECK(*result.value == *result.per_label[2].value);
    CHECK_FALSE(result.per_label[0].value);
    CHECK(result.per_label[0].reason == "not isolated: the label occurs in 3 batches");
    CHECK(result.warnings.empty());
    isolated_labels::Options options;
    options.n_max_batches = 3;
    const MetricResult all = isolated_labels::evaluate(sums, options);
    CHECK(*detail_of(all, "n_labels") == 3.0);
    CHECK(*all.value == Approx((*all.per_label[0].value + *all.per_label[1].value + *all.per_label[2].value) / 3.0));
    options.n_max_batches = 0;
    CHECK_THROWS_AS(isolated_labels::evaluate(sums, options), std::invalid_argument);

    LabelledCells few = random_cells(4, 60, 2, 2, 14);
    for (std::size_t i = 0; i < 60; ++i) {
        few.label.code[i] = i < 5 ? 1 : 0;
        if (i < 5) few.batch.code[i] = 0;
    }
    const MetricResult warned = isolated_labels::evaluate(silhouette::measure(few.cells, few.label, few.batch));
    CHECK(warned.warnings == std::vector<std::string>{"the isolated label 'type 1' has only 5 cells"});
}

TEST_CASE("no label is isolated if all occur in more batches than asked for", "[metrics][silhouette]") {
    const LabelledCells data = random_cells(4, 100, 2, 3, 15);
    isolated_labels::Options options;
    options.n_max_batches = 2;
    const MetricResult result =
        isolated_labels::evaluate(silhouette::measure(data.cells, data.label, data.batch), options);
    CHECK_FALSE(result.value);
    CHECK(result.reason == "no label occurs in at most 2 batches");
}
