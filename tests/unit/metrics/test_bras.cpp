#include "engine/metrics/silhouettes/bras.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "engine/core/parallel.hpp"
#include "engine/reference/metrics/pairs.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

constexpr bras::Options furthest{bras::Between::furthest};

void check_case(const MetricCase& data) {
    check_golden(bras::evaluate(data.cells, data.label, data.batch), data.values, "bras");
    check_golden(bras::evaluate(data.cells, data.label, data.batch, furthest), data.values, "bras_furthest");
}

void check_against_reference(const LabelledCells& data) {
    for (const bool far : {false, true}) {
        const auto wanted =
            reference::silhouette_batch(data.cells, data.label, data.batch, reference::Distance::cosine,
                                        far ? reference::Between::furthest : reference::Between::mean_other);
        const MetricResult result =
            bras::evaluate(data.cells, data.label, data.batch, far ? furthest : bras::Options{});
        REQUIRE(result.value.has_value() == wanted.has_value());
        // sums of m distances up to 2, each rounded to 1e-16, against quotients of order 1
        if (wanted) CHECK(std::abs(*result.value - *wanted) <= 1e-11);
    }
}

}  // namespace

TEST_CASE("BRAS has the golden values", "[metrics][bras][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        check_case(generated_case(name));
    }
}

TEST_CASE("BRAS has the golden values on real data", "[metrics][bras][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data);
    }
}

TEST_CASE("the closed form of BRAS agrees with the definition", "[metrics][bras][reference]") {
    check_against_reference(random_cells(5, 60, 3, 2, 1));
    check_against_reference(random_cells(1, 80, 2, 3, 2));
    check_against_reference(random_cells(30, 300, 4, 6, 3));
    check_against_reference(random_cells(4, 250, 3, 100, 4));  // batches of about one cell of each label
    check_against_reference(random_cells(4, 50, 2, 1, 5));
}

TEST_CASE("BRAS at the origin: a zero cell has distance 1 to every other", "[metrics][bras][reference]") {
    LabelledCells data = random_cells(4, 90, 2, 3, 6);
    for (const arma::uword i : {3U, 4U, 10U, 55U}) data.cells.col(i).zeros();
    check_against_reference(data);
    data.cells.zeros();
    check_against_reference(data);
    // all distances are 1, and batches of one cell score 1
    CHECK(*bras::evaluate(data.cells, data.label, data.batch).value == Approx(1.0).epsilon(1e-14));
}

TEST_CASE("BRAS of cells that point the same way is 1", "[metrics][bras]") {
    LabelledCells data = random_cells(6, 120, 2, 3, 7);
    for (arma::uword i = 1; i < 120; ++i) data.cells.col(i) = static_cast<double>(i) * data.cells.col(0);
    CHECK(*bras::evaluate(data.cells, data.label, data.batch).value == 1.0);
    CHECK(*bras::evaluate(data.cells, data.label, data.batch, furthest).value == 1.0);
}

TEST_CASE("BRAS does not depend on order, names, scale or threads", "[metrics][bras][property][threads]") {
    const LabelledCells data = random_cells(6, 500, 4, 3, 8);
    const double value = *bras::evaluate(data.cells, data.label, data.batch).value;
    const LabelledCells moved = permuted(data, 9);
    CHECK(*bras::evaluate(moved.cells, moved.label, moved.batch).value == Approx(value).epsilon(1e-12));
    for (const double scale : {1e-300, 1e300}) {
        const arma::mat scaled = scale * data.cells;
        CHECK(*bras::evaluate(scaled, data.label, data.batch).value == Approx(value).epsilon(1e-12));
    }
    set_thread_count(3);
    const MetricResult again = bras::evaluate(data.cells, renamed(data.label), renamed(data.batch));
    set_thread_count(1);
    CHECK(*again.value == value);
    const auto floats = arma::conv_to<Matrix<float>>::from(data.cells);  // the cells are float32 numbers
    CHECK(*bras::evaluate(floats, data.label, data.batch).value == value);
    // not the same about another origin: BRAS must not centre
    const arma::mat shifted = data.cells + 1.0;
    CHECK(std::abs(*bras::evaluate(shifted, data.label, data.batch).value - value) > 1e-3);
}

TEST_CASE("BRAS names the reason where it cannot be computed", "[metrics][bras]") {
    LabelledCells data = random_cells(3, 40, 3, 2, 10);
    const Labels one = numbered(std::vector<std::uint32_t>(40, 0), 1);
    CHECK(bras::evaluate(data.cells, data.label, one).reason == "needs at least two batches");
    std::vector<std::uint32_t> each(40);
    std::iota(each.begin(), each.end(), 0U);
    const MetricResult none = bras::evaluate(data.cells, data.label, numbered(each, 40));
    CHECK_FALSE(none.value);
    CHECK(none.reason == "no label occurs in two batches, one of them with two cells of it");
    CHECK(none.per_label[0].reason == "each cell of the label is of another batch");

    for (std::size_t i = 0; i < 40; ++i) {
        if (data.label.code[i] == 1) data.batch.code[i] = 0;
    }
    const MetricResult result = bras::evaluate(data.cells, data.label, data.batch);
    CHECK(result.value.has_value());
    CHECK(result.per_label[1].reason == "the label occurs in one batch only");
    for (std::size_t i = 0; i < 40; ++i) CHECK(std::isnan(result.per_cell[i]) == (data.label.code[i] == 1));
    CHECK(*result.value == Approx((*result.per_label[0].value + *result.per_label[2].value) / 2.0));

    // 500 batches
    const LabelledCells many = random_cells(3, 2000, 2, 500, 11);
    CHECK(bras::evaluate(many.cells, many.label, many.batch).value.has_value());
}
