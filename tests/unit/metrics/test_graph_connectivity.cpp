#include "engine/metrics/graph_connectivity.hpp"

#include <catch2/catch.hpp>

#include "engine/core/parallel.hpp"
#include "engine/reference/metrics/pairs.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using graph_connectivity::Connection;

namespace {

Neighbors neighbors_of(const arma::mat& cells, arma::uword others = 14) {
    return nearest_neighbors(cells, std::min<arma::uword>(others, cells.n_cols - 1));
}

graph_connectivity::Options weak(std::int64_t n_others = 14) { return {n_others, Connection::weak}; }

/// Neighbours as given: rows[i] are those of cell i.
Neighbors given(const std::vector<std::vector<std::uint32_t>>& rows) {
    Neighbors neighbors;
    neighbors.index.set_size(rows[0].size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) neighbors.index.col(i) = arma::Col<std::uint32_t>(rows[i]);
    return neighbors;
}

}  // namespace

TEST_CASE("graph connectivity has the golden values", "[metrics][graph_connectivity][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        const MetricCase data = generated_case(name);
        check_golden(graph_connectivity::evaluate(neighbors_of(data.cells), data.label), data.values,
                     "graph_connectivity", 1e-15);
    }
}

TEST_CASE("graph connectivity has the golden values on real data", "[metrics][graph_connectivity][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_golden(graph_connectivity::evaluate(neighbors_of(data->cells, 89), data->label), data->values,
                     "graph_connectivity", 1e-15);
    }
}

TEST_CASE("graph connectivity agrees with the definition", "[metrics][graph_connectivity][reference]") {
    for (const unsigned seed : {1U, 2U, 3U}) {
        const LabelledCells data = random_cells(2, 200, 4, 2, seed);
        for (const std::int64_t others : {1, 2, 3, 14}) {
            const Neighbors neighbors = neighbors_of(data.cells, 20);
            for (const bool strong : {true, false}) {
                const Connection connection = strong ? Connection::strong : Connection::weak;
                const MetricResult result = graph_connectivity::evaluate(neighbors, data.label, {others, connection});
                const double wanted =
                    reference::graph_connectivity(data.cells, data.label, static_cast<arma::uword>(others), strong);
                CHECK(*result.value == Approx(wanted).epsilon(1e-15));
            }
            CHECK(*graph_connectivity::evaluate(neighbors, data.label, {others, Connection::strong}).value <=
                  *graph_connectivity::evaluate(neighbors, data.label, weak(others)).value);
        }
    }
}

TEST_CASE("edges of graph connectivity point one way and stay inside labels", "[metrics][graph_connectivity]") {
    // 0 -> 1 -> 2 -> 0 is a component, 3 -> 0 leads there but not back; 4 -> 5 of another label
    const Neighbors neighbors = given({{1}, {2}, {0}, {0}, {5}, {3}});
    const Labels label = numbered({0, 0, 0, 0, 1, 1}, 2);
    const MetricResult strong = graph_connectivity::evaluate(neighbors, label, {1, Connection::strong});
    CHECK(*strong.per_label[0].value == 0.75);
    CHECK(*strong.per_label[1].value == 0.5);
    CHECK(*strong.value == 0.625);
    const MetricResult joined = graph_connectivity::evaluate(neighbors, label, weak(1));
    CHECK(*joined.value == 1.0);
}

TEST_CASE("graph connectivity walks a ring of many cells without recursion", "[metrics][graph_connectivity]") {
    constexpr std::uint32_t n = 300000;
    Neighbors ring;
    ring.index.set_size(1, n);
    for (std::uint32_t i = 0; i < n; ++i) ring.index(0, i) = (i + 1) % n;
    const Labels label = numbered(std::vector<std::uint32_t>(n, 0), 1);
    CHECK(*graph_connectivity::evaluate(ring, label, {1, Connection::strong}).value == 1.0);
    ring.index(0, n - 1) = n - 2;  // a line: only its end goes to and fro
    CHECK(*graph_connectivity::evaluate(ring, label, {1, Connection::strong}).value == 2.0 / n);
    CHECK(*graph_connectivity::evaluate(ring, label, weak(1)).value == 1.0);
}

TEST_CASE("graph connectivity of few cells, single cells and duplicates", "[metrics][graph_connectivity]") {
    const LabelledCells data = random_cells(2, 10, 2, 2, 4);
    Labels label = numbered(std::vector<std::uint32_t>(10, 0), 3);
    label.code[7] = 2;  // a label of one cell; category 1 has none
    const MetricResult result = graph_connectivity::evaluate(neighbors_of(data.cells), label);
    CHECK(*result.value == 1.0);  // ten cells, all neighbours of one another
    CHECK(result.per_label.size() == 2);
    CHECK(*result.per_label[1].value == 1.0);
    const arma::mat alike(2, 200, arma::fill::value(1.0));
    // edges of length 0 are edges: all cells point to the 15 lowest
    const MetricResult zero =
        graph_connectivity::evaluate(neighbors_of(alike), numbered(std::vector<std::uint32_t>(200, 0), 1));
    CHECK(*zero.value == 15.0 / 200.0);
    CHECK_THROWS_AS(
        graph_connectivity::evaluate(neighbors_of(alike, 5), numbered(std::vector<std::uint32_t>(200, 0), 1)),
        std::invalid_argument);
    CHECK_THROWS_AS(graph_connectivity::evaluate(neighbors_of(alike), numbered(std::vector<std::uint32_t>(200, 0), 1),
                                                 {0, Connection::weak}),
                    std::invalid_argument);
    CHECK(*graph_connectivity::evaluate(Neighbors{arma::Mat<std::uint32_t>(0, 1), arma::mat(0, 1)}, numbered({0}, 1))
               .value == 1.0);
}

TEST_CASE("graph connectivity does not depend on order or names", "[metrics][graph_connectivity][property]") {
    const LabelledCells data = random_cells(3, 600, 4, 2, 5);
    const MetricResult result =
        graph_connectivity::evaluate(neighbors_of(data.cells, 4), data.label, {4, Connection::strong});
    const LabelledCells moved = permuted(data, 6);
    CHECK(*graph_connectivity::evaluate(neighbors_of(moved.cells, 4), moved.label, {4, Connection::strong}).value ==
          Approx(*result.value).epsilon(1e-14));
    CHECK(*graph_connectivity::evaluate(neighbors_of(data.cells, 4), renamed(data.label), {4, Connection::strong})
               .value == *result.value);
}
