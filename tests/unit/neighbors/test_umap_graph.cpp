#include "engine/neighbors/umap_graph.hpp"

#include <hwy/highway.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "engine/core/parallel.hpp"
#include "engine/neighbors/umap_weights.hpp"
#include "engine/reference/metrics/graph.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

arma::mat dense(const WeightedGraph& graph) {
    arma::mat matrix(graph.count(), graph.count(), arma::fill::zeros);
    for (std::size_t i = 0; i < graph.count(); ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) matrix(i, graph.target[e]) = graph.weight[e];
    }
    return matrix;
}

double sum_of(const WeightedGraph& graph) {
    double sum = 0.0;
    for (const double weight : graph.weight) sum += weight;
    return sum;
}

void check_case(const MetricCase& data) {
    const Neighbors neighbors = nearest_neighbors(data.cells, std::min<arma::uword>(14, data.cells.n_cols - 1));
    const WeightedGraph graph = umap_graph(neighbors);
    CHECK(graph.target.size() == data.values["umap15_nonzeros"].get<std::size_t>());
    CHECK(std::abs(sum_of(graph) - data.values["umap15_sum"].get<double>()) <= 1e-9);
}

void check_against_reference(const arma::mat& cells, arma::uword others) {
    INFO(cells.n_cols << " cells, " << others << " others");
    const arma::mat found = dense(umap_graph(nearest_neighbors(cells, others), {static_cast<std::int64_t>(others)}));
    // weights are at most 1 and exponentials of sums of a few roundings
    CHECK(arma::abs(found - reference::umap_weights(cells, others)).max() < 1e-13);
    CHECK(arma::abs(found - found.t()).max() == 0.0);
    CHECK(arma::abs(found.diag()).max() == 0.0);
}

}  // namespace

TEST_CASE("UMAP connectivities have the golden values", "[metrics][umap][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        check_case(generated_case(name));
    }
}

TEST_CASE("UMAP connectivities of cell 0 are those of the golden steps", "[metrics][umap][golden]") {
    const MetricCase data = generated_case("gauss_three");
    const WeightedGraph graph = umap_graph(nearest_neighbors(data.cells, 49), {49});
    const nlohmann::json& steps = golden_metrics().at("steps");
    CHECK(graph.target.size() == steps["umap50_nonzeros"].get<std::size_t>());
    CHECK(std::abs(sum_of(graph) - steps["umap50_sum"].get<double>()) <= 1e-9);
    const arma::mat matrix = dense(graph);
    for (const nlohmann::json& entry : steps["umap50_row_0_largest"]) {
        CHECK(std::abs(matrix(0, entry[0].get<arma::uword>()) - entry[1].get<double>()) <= 1e-9);
    }
}

TEST_CASE("UMAP connectivities have the golden values on real data", "[metrics][umap][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data);
    }
}

TEST_CASE("UMAP connectivities agree with the definition", "[metrics][umap][reference]") {
    const arma::mat cells = random_cells(6, 130, 3, 2, 1).cells;
    for (const arma::uword others : {1U, 2U, 7U, 14U, 49U, 129U}) check_against_reference(cells, others);
    arma::mat twins = cells;  // duplicates, more than the neighbours of a cell, and two far clumps
    for (arma::uword i = 0; i < 30; ++i) twins.col(i) = twins.col(0);
    twins.cols(100, 129) += 1e4;
    for (const arma::uword others : {5U, 14U, 40U}) check_against_reference(twins, others);
    check_against_reference(arma::mat(3, 20, arma::fill::ones), 6);  // all alike: every weight is 1
    check_against_reference(arma::mat{{0.0, 1.0}}, 1);
}

TEST_CASE("far clumps have no edge, though lists of neighbours reach across", "[metrics][umap]") {
    arma::mat cells = random_cells(3, 40, 1, 1, 2).cells;
    cells.cols(0, 9) += 1e6;  // with 14 others, four of which are in the other clump
    const WeightedGraph graph = umap_graph(nearest_neighbors(cells, 14));
    // the others' distances are about 1e6 and sigma about 1e3 (0.001 of the mean), so that e^-1000 would be left
    const auto components = connected_components(graph);
    REQUIRE(components.size() >= 1);
    for (std::uint32_t i = 0; i < 10; ++i) {
        double across = 0.0;
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
            if (graph.target[e] >= 10) across = std::max(across, graph.weight[e]);
        }
        CHECK((across == 0.0 || static_cast<float>(across) > 0.0F));
    }
}

TEST_CASE("UMAP connectivities are the same bytes for any number of threads", "[metrics][umap][property]") {
    const arma::mat cells = random_cells(5, 3000, 4, 3, 3).cells;
    const Neighbors neighbors = nearest_neighbors(cells, 20);
    set_thread_count(1);
    const WeightedGraph one = umap_graph(neighbors);
    set_thread_count(3);
    const WeightedGraph three = umap_graph(neighbors);
    set_thread_count(1);
    CHECK(one.start == three.start);
    CHECK(one.target == three.target);
    CHECK(one.weight == three.weight);
}

TEST_CASE("UMAP connectivities refuse lists that are too short", "[metrics][umap]") {
    const arma::mat cells = random_cells(5, 50, 1, 1, 4).cells;
    const Neighbors neighbors = nearest_neighbors(cells, 10);
    CHECK_THROWS_AS(umap_graph(neighbors), std::invalid_argument);
    CHECK_THROWS_AS(umap_graph(neighbors, {0}), std::invalid_argument);
    CHECK(umap_graph(nearest_neighbors(arma::mat(cells.cols(0, 4)), 4)).count() == 5);  // fewer cells than neighbours
}

TEST_CASE("parts of a graph", "[metrics][umap]") {
    //  0 - 1 - 2   3 - 4   5
    WeightedGraph graph;
    graph.start = {0, 1, 3, 4, 5, 6, 6};
    graph.target = {1, 0, 2, 1, 4, 3};
    graph.weight = {0.5, 0.5, 1.0, 1.0, 0.25, 0.25};
    using Cells = std::vector<std::uint32_t>;
    CHECK(connected_components(graph) == std::vector<Cells>{{0, 1, 2}, {3, 4}, {5}});
    CHECK(strengths(graph) == std::vector<double>{0.5, 1.5, 1.0, 0.25, 0.25, 0.0});
    const WeightedGraph part = subgraph(graph, {1, 2, 4});
    CHECK(part.start == std::vector<std::size_t>{0, 1, 2, 2});
    CHECK(part.target == Cells{1, 0});
    CHECK(part.weight == std::vector<double>{1.0, 1.0});
}

TEST_CASE("UMAP weights have the same bits by every instruction set", "[metrics][umap]") {
    std::vector<double> excess(16, std::numeric_limits<double>::infinity());
    for (std::size_t j = 0; j < 13; ++j) excess[j] = 0.37 * static_cast<double>(j * j);
    const std::int64_t available = hwy::SupportedTargets();
    std::set<std::vector<double>> found;
    for (std::int64_t target = 1; target <= available && target > 0; target <<= 1) {
        if ((available & target) == 0) continue;
        hwy::SetSupportedTargetsForTest(target);
        std::vector<double> weight(excess.size());
        const double sigma = umap_weights::bisected_sigma(excess.data(), excess.size(), 3.7);
        umap_weights::weigh(excess.data(), excess.size(), sigma, weight.data());
        for (std::size_t j = 0; j < excess.size(); ++j) {
            CHECK(std::abs(weight[j] - std::exp(-excess[j] / sigma)) < 1e-15);
        }
        weight.push_back(sigma);
        found.insert(weight);
        hwy::SetSupportedTargetsForTest(0);
    }
    CHECK(found.size() == 1);
}
