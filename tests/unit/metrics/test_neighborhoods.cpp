// Metrics of the cells around a cell: sBEE, kSIM and CiLISI.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/metrics/cilisi.hpp"
#include "engine/metrics/kbet/kbet.hpp"
#include "engine/metrics/ksim.hpp"
#include "engine/metrics/sbee.hpp"
#include "engine/reference/metrics/graph.hpp"
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

void check_case(const std::string& name, const MetricCase& data) {
    INFO(name);
    const Neighbors neighbors = neighbors_of(data.cells);
    check_golden(sbee::evaluate(data.cells, neighbors, data.label, data.batch), data.values, "sbee");
    const MetricResult similar = ksim::evaluate(neighbors, data.label);
    check_golden(similar, data.values, "ksim_mean", 1e-15);
    CHECK(*detail_of(similar, "accept_rate") == data.values["ksim_accept_rate"].get<double>());
    const cilisi::Result inside = cilisi::evaluate(data.cells, data.label, data.batch, {.share_ties = false});
    check_golden(inside.over_cells, data.values, "cilisi");
    check_golden(inside.over_labels, data.values, "cilisi_means");
}

std::vector<arma::uword> cells_with(const Labels& labels, std::uint32_t code) {
    std::vector<arma::uword> cells;
    for (arma::uword i = 0; i < labels.code.size(); ++i) {
        if (labels.code[i] == code) cells.push_back(i);
    }
    return cells;
}

}  // namespace

TEST_CASE("sBEE, kSIM and CiLISI have the golden values", "[metrics][neighborhoods][golden]") {
    for (const std::string& name : generated_case_names()) check_case(name, generated_case(name));
}

TEST_CASE("sBEE, kSIM and CiLISI have the golden values on real data", "[metrics][neighborhoods][golden][data]") {
    for (const std::string& name : real_case_names()) {
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(name, *data);
    }
}

TEST_CASE("sBEE agrees with the definition", "[metrics][neighborhoods][reference]") {
    const LabelledCells data = random_cells(5, 220, 4, 3, 21);
    const arma::uword others = GENERATE(1U, 10U, 89U, 219U);
    sbee::Options options;
    options.n_others = static_cast<std::int64_t>(others);
    arma::mat cells = data.cells;
    cells.cols(30, 49) = cells.cols(10, 29);  // twins
    for (const double offset : {0.0, 1e5}) {  // far from 0 products lose digits, and the medians must not
        const arma::mat moved = cells + offset;
        const Neighbors neighbors = neighbors_of(moved, 219);
        const MetricResult result = sbee::evaluate(moved, neighbors, data.label, data.batch, options);
        const std::vector<double> wanted = reference::sbee_of_cells(moved, data.label, data.batch, others);
        double largest = 0.0;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            largest = std::max(largest, std::abs(result.per_cell[i] - wanted[i]));
        }
        CHECK(largest < 1e-12);  // the medians are of exact distances, the rest is a few roundings
        CHECK(*result.value > 0.1);
        CHECK(*result.value < 0.95);
    }
}

TEST_CASE("sBEE averages within batches, then over batches and labels", "[metrics][neighborhoods]") {
    const LabelledCells data = random_cells(5, 150, 3, 3, 22);
    const MetricResult result = sbee::evaluate(data.cells, neighbors_of(data.cells), data.label, data.batch);
    double over_labels = 0.0;
    for (std::uint32_t l = 0; l < 3; ++l) {
        double over_batches = 0.0;
        double batches = 0.0;
        for (std::uint32_t b = 0; b < 3; ++b) {
            double sum = 0.0;
            double count = 0.0;
            for (const arma::uword i : cells_with(data.label, l)) {
                if (data.batch.code[i] == b) sum += result.per_cell[i], count += 1.0;
            }
            if (count == 0.0) continue;
            over_batches += sum / count;
            batches += 1.0;
        }
        CHECK(*result.per_label[l].value == Approx(over_batches / batches).epsilon(1e-13));
        over_labels += over_batches / batches;
    }
    CHECK(*result.value == Approx(over_labels / 3.0).epsilon(1e-13));
}

TEST_CASE("kSIM agrees with the definition", "[metrics][neighborhoods][reference]") {
    const LabelledCells data = random_cells(5, 1000, 4, 2, 23);
    const Neighbors neighbors = neighbors_of(data.cells);
    CHECK(*ksim::evaluate(neighbors, data.label).value ==
          Approx(reference::ksim(data.cells, data.label, 24)).epsilon(1e-14));
    const MetricResult capped = ksim::evaluate(neighbors, data.label, {.n_others = 60});  // sqrt(1000) = 31.6
    CHECK(*detail_of(capped, "n_others") == 30.0);
    CHECK(*capped.value == Approx(reference::ksim(data.cells, data.label, 30)).epsilon(1e-14));
    const double loose = *detail_of(ksim::evaluate(neighbors, data.label, {.accepted_share = 0.5}), "accept_rate");
    CHECK(loose > *detail_of(capped, "accept_rate"));
    CHECK_THROWS_AS(ksim::evaluate(neighbors, data.label, {.n_others = 0}), std::invalid_argument);
    CHECK_THROWS_AS(ksim::evaluate(neighbors, data.label, {.accepted_share = 1.5}), std::invalid_argument);
}

TEST_CASE("CiLISI is LISI inside each label", "[metrics][neighborhoods][reference]") {
    const LabelledCells data = random_cells(5, 400, 3, 3, 24);
    const cilisi::Result result = cilisi::evaluate(data.cells, data.label, data.batch);
    double sum = 0.0;
    double means = 0.0;
    for (std::uint32_t l = 0; l < 3; ++l) {
        const std::vector<arma::uword> members = cells_with(data.label, l);
        Labels batch;
        batch.names = data.batch.names;
        for (const arma::uword i : members) batch.code.push_back(data.batch.code[i]);
        const arma::uword others = std::min<arma::uword>(90, members.size() - 1);
        const arma::mat part = data.cells.cols(arma::uvec(members));
        const std::vector<double> lisi =
            reference::lisi(part, batch, others, std::floor(static_cast<double>(others) / 3));
        double of_label = 0.0;
        for (std::size_t i = 0; i < lisi.size(); ++i) {
            const double wanted = (lisi[i] - 1.0) / 2.0;
            CHECK(result.over_cells.per_cell[members[i]] == Approx(wanted).margin(1e-12));
            of_label += wanted;
        }
        sum += of_label;
        means += of_label / static_cast<double>(members.size());
    }
    CHECK(*result.over_cells.value == Approx(sum / 400.0).epsilon(1e-12));
    CHECK(*result.over_labels.value == Approx(means / 3.0).epsilon(1e-12));
}

TEST_CASE("names, order and threads change nothing in sBEE, kSIM and CiLISI", "[metrics][neighborhoods][property]") {
    const LabelledCells data = random_cells(6, 500, 4, 3, 25);
    const Neighbors neighbors = neighbors_of(data.cells);
    const MetricResult score = sbee::evaluate(data.cells, neighbors, data.label, data.batch);
    const MetricResult similar = ksim::evaluate(neighbors, data.label);
    const cilisi::Result inside = cilisi::evaluate(data.cells, data.label, data.batch);
    for (const unsigned threads : {1U, 4U}) {
        set_thread_count(threads);
        const Labels label = renamed(data.label);
        const Labels batch = renamed(data.batch);
        const MetricResult other = sbee::evaluate(data.cells, neighbors, label, batch);
        CHECK(*other.value == *score.value);
        CHECK(other.per_cell == score.per_cell);
        CHECK(*ksim::evaluate(neighbors, label).value == *similar.value);
        CHECK(*cilisi::evaluate(data.cells, label, batch).over_cells.value == *inside.over_cells.value);
        CHECK(*cilisi::evaluate(data.cells, label, batch).over_labels.value == *inside.over_labels.value);
    }
    set_thread_count(1);
}

TEST_CASE("the order of the cells does not choose among ties in CiLISI and kBET inside labels",
          "[metrics][neighborhoods]") {
    LabelledCells data = random_cells(3, 400, 2, 3, 28);
    data.cells = arma::round(data.cells);  // many cells at one place, and many places at one distance
    const arma::uvec places = arma::conv_to<arma::uvec>::from(permutation(make_key(1), 400));
    const std::vector<std::size_t> order(places.begin(), places.end());
    const arma::mat moved = data.cells.cols(places);
    const Labels label = labels_at(data.label, order);
    const Labels batch = labels_at(data.batch, order);
    const cilisi::Options some{.n_others = 20};
    CHECK(*cilisi::evaluate(moved, label, batch, some).over_cells.value ==
          Approx(*cilisi::evaluate(data.cells, data.label, data.batch, some).over_cells.value).epsilon(1e-12));
    const kbet::Options few{.n_others = 12};
    CHECK(*kbet::evaluate_per_label(moved, label, batch, few).value ==
          Approx(*kbet::evaluate_per_label(data.cells, data.label, data.batch, few).value).epsilon(1e-12));
}

TEST_CASE("single precision cells give the same sBEE and CiLISI", "[metrics][neighborhoods]") {
    const LabelledCells data = random_cells(6, 200, 2, 2, 26);  // the cells are float32 numbers
    const auto single = arma::conv_to<arma::fmat>::from(data.cells);
    const Neighbors neighbors = neighbors_of(data.cells);
    CHECK(*sbee::evaluate(single, neighbors, data.label, data.batch).value ==
          *sbee::evaluate(data.cells, neighbors, data.label, data.batch).value);
    CHECK(*cilisi::evaluate(single, data.label, data.batch).over_cells.value ==
          *cilisi::evaluate(data.cells, data.label, data.batch).over_cells.value);
}

TEST_CASE("sBEE in corners", "[metrics][neighborhoods][edge]") {
    const LabelledCells data = random_cells(4, 60, 2, 2, 27);
    const Neighbors neighbors = neighbors_of(data.cells);
    Labels one = numbered(std::vector<std::uint32_t>(60, 0), 1);
    CHECK(*sbee::evaluate(data.cells, neighbors, data.label, one).value == 1.0);
    Labels alone = data.label;  // a label of one cell
    alone.names.push_back("alone");
    alone.code[7] = 2;
    const MetricResult with_one_cell = sbee::evaluate(data.cells, neighbors, alone, one);
    CHECK(with_one_cell.per_cell[7] == 0.0);
    CHECK(*with_one_cell.value == Approx(2.0 / 3.0).epsilon(1e-14));
    const arma::mat alike(4, 60, arma::fill::value(0.3));
    CHECK(*sbee::evaluate(alike, neighbors_of(alike), data.label, data.batch).value == 0.0);
    CHECK_THROWS_AS(sbee::evaluate(data.cells, neighbors, data.label, data.batch, {.n_others = 0}),
                    std::invalid_argument);
    CHECK_THROWS_AS(sbee::evaluate(arma::mat(data.cells.cols(0, 9)), neighbors, data.label, data.batch),
                    std::invalid_argument);
}

TEST_CASE("CiLISI where it cannot be computed", "[metrics][neighborhoods][edge]") {
    const LabelledCells data = random_cells(4, 60, 2, 2, 28);
    const cilisi::Result none =
        cilisi::evaluate(data.cells, data.label, numbered(std::vector<std::uint32_t>(60, 0), 1));
    CHECK_FALSE(none.over_cells.value);
    CHECK_THAT(none.over_labels.reason, Catch::Contains("one batch only"));
    Labels label = data.label;  // nine cells make a label that is left out, ten do not
    label.names.push_back("few");
    for (std::size_t i = 0; i < 9; ++i) label.code[i] = 2;
    const cilisi::Result nine = cilisi::evaluate(data.cells, label, data.batch);
    CHECK_FALSE(nine.over_labels.per_label[2].value);
    CHECK(std::isnan(nine.over_cells.per_cell[0]));
    label.code[9] = 2;
    CHECK(cilisi::evaluate(data.cells, label, data.batch).over_labels.per_label[2].value);
    CHECK_THROWS_AS(cilisi::evaluate(data.cells, data.label, data.batch, {.n_others = 2}), std::invalid_argument);
}
