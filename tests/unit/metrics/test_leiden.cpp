#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/parallel.hpp"
#include "engine/metrics/leiden/label_agreement.hpp"
#include "engine/metrics/leiden/leiden.hpp"
#include "engine/metrics/leiden/steps.hpp"
#include "engine/neighbors/umap_graph.hpp"
#include "engine/reference/metrics/graph.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using leiden::Membership;

namespace {

WeightedGraph graph_of_cells(const arma::mat& cells) {
    return umap_graph(nearest_neighbors(cells, std::min<arma::uword>(14, cells.n_cols - 1)));
}

// Leiden within what ten seeds of igraph found: spec and tolerances of the golden file.
void check_against_igraph(const std::string& name, const MetricCase& data) {
    INFO(name);
    const nlohmann::json& ranges = golden_metrics().at("leiden_igraph_10_seeds").at(name);
    const leiden::Agreement found = leiden::agreement(graph_of_cells(data.cells), data.label);
    std::size_t i = 0;
    for (const auto& [resolution, range] : ranges["modularity"].items()) {
        INFO("resolution " << resolution);
        REQUIRE(found.trials[i].resolution == Approx(std::stod(resolution)));
        CHECK(found.trials[i].modularity >= range[0].get<double>() - 0.002);
        ++i;
    }
    CHECK(i == found.trials.size());
    CHECK(*found.nmi.value >= ranges["best_nmi"][0].get<double>() - 0.02);
    CHECK(*found.nmi.value <= ranges["best_nmi"][1].get<double>() + 0.02);
}

}  // namespace

TEST_CASE("modularity of labels has the golden values", "[metrics][leiden][golden]") {
    for (const std::string& name : generated_case_names()) {
        const MetricCase data = generated_case(name);
        const double value = leiden::modularity(graph_of_cells(data.cells), data.label.code);
        CHECK(std::abs(value - data.values["modularity_of_labels"].get<double>()) <= 1e-9);
    }
}

TEST_CASE("modularity agrees with the definition", "[metrics][leiden][reference]") {
    const arma::mat weights = random_weights(40, 0.2, 1);
    Membership membership(40);
    for (std::uint32_t i = 0; i < 40; ++i) membership[i] = 7 * (i % 5);
    for (const double resolution : {0.1, 1.0, 3.0}) {
        CHECK(leiden::modularity(graph_of(weights), membership, resolution) ==
              Approx(reference::modularity(weights, membership, resolution)).margin(1e-13));
    }
    CHECK_THROWS_AS(leiden::modularity(graph_of(weights), {0, 1}), std::invalid_argument);
    CHECK_THROWS_AS(leiden::modularity(graph_of(arma::mat(3, 3, arma::fill::zeros)), {0, 1, 2}), std::invalid_argument);
}

TEST_CASE("Leiden lies within the range of igraph", "[metrics][leiden][golden]") {
    check_against_igraph("gauss_three", generated_case("gauss_three"));
}

TEST_CASE("Leiden lies within the range of igraph on real data", "[metrics][leiden][golden][data]") {
    for (const std::string name : {"cell_lines", "pbmc_3500"}) {
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        const double value = leiden::modularity(graph_of_cells(data->cells), data->label.code);
        CHECK(std::abs(value - data->values["modularity_of_labels"].get<double>()) <= 1e-9);
        check_against_igraph(name, *data);
    }
}

TEST_CASE("Leiden finds the best partition of small graphs", "[metrics][leiden][reference]") {
    for (unsigned seed = 1; seed <= 15; ++seed) {
        const arma::mat weights = random_weights(8, 0.5, seed);
        const WeightedGraph graph = graph_of(weights);
        for (const double resolution : {0.5, 1.0, 1.5}) {
            double found = -1.0;
            for (std::uint32_t k = 0; k < 10; ++k) {
                const Membership clusters = leiden::cluster(graph, {.resolution = resolution}, make_key(k));
                found = std::max(found, leiden::modularity(graph, clusters, resolution));
            }
            INFO("seed " << seed << " resolution " << resolution);
            CHECK(found == Approx(reference::best_modularity(weights, resolution)).margin(1e-12));
        }
    }
}

TEST_CASE("the clusters of Leiden are connected and no single move gains", "[metrics][leiden][property]") {
    const WeightedGraph graph = graph_of_cells(random_cells(3, 400, 4, 1, 3).cells);
    const Membership clusters = leiden::cluster(graph, {.resolution = 1.0, .n_iterations = 10}, make_key(5));
    const std::uint32_t count = *std::max_element(clusters.begin(), clusters.end()) + 1;
    REQUIRE(count > 3);
    std::uint32_t seen = 0;  // numbered by their first nodes
    for (const std::uint32_t cluster : clusters) {
        REQUIRE(cluster <= seen);
        if (cluster == seen) ++seen;
    }
    for (std::uint32_t c = 0; c < count; ++c) {
        std::vector<std::uint32_t> members;
        for (std::uint32_t i = 0; i < clusters.size(); ++i) {
            if (clusters[i] == c) members.push_back(i);
        }
        CHECK(connected_components(subgraph(graph, members)).size() == 1);
    }
    const double reached = leiden::modularity(graph, clusters);
    double gained = 0.0;
    for (std::uint32_t i = 0; i < clusters.size(); i += 5) {
        Membership moved = clusters;
        for (std::uint32_t c = 0; c <= count; ++c) {
            moved[i] = c;
            gained = std::max(gained, leiden::modularity(graph, moved) - reached);
        }
    }
    CHECK(gained < 1e-10);
}

TEST_CASE("the steps of Leiden keep their promises", "[metrics][leiden][property]") {
    const WeightedGraph graph = graph_of_cells(random_cells(4, 300, 5, 1, 4).cells);
    const leiden::Level level{graph, strengths(graph)};
    double total = 0.0;
    for (const double strength : level.strength) total += strength;
    const leiden::Gains gains{1.0 / total};
    const std::vector<std::uint32_t> order = permutation(make_key(1), 300);
    Membership clusters(300);
    for (std::uint32_t i = 0; i < 300; ++i) clusters[i] = i;
    const double before = leiden::modularity(graph, clusters);
    leiden::move_nodes(level, gains, order, clusters);
    const std::uint32_t count = leiden::renumber(clusters);
    CHECK(leiden::modularity(graph, clusters) > before + 0.1);
    Membership parts = leiden::refine(level, gains, clusters, count, order, 0.01, make_key(2));
    const std::uint32_t n_parts = leiden::renumber(parts);
    CHECK(n_parts >= count);
    CHECK(n_parts < 300);
    std::vector<std::uint32_t> whole(n_parts, 300);  // refined clusters lie inside clusters
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (whole[parts[i]] == 300) whole[parts[i]] = clusters[i];
        CHECK(whole[parts[i]] == clusters[i]);
    }
    const leiden::Level coarse = leiden::aggregate(level, parts, n_parts);
    double coarse_total = 0.0;
    for (const double strength : coarse.strength) coarse_total += strength;
    CHECK(coarse_total == Approx(total).epsilon(1e-12));
    // modularity from the coarse level: what is inside its nodes is what their edges leave of their strengths
    const std::vector<double> outward = strengths(coarse.graph);
    double within = 0.0;
    double expected = 0.0;
    for (std::uint32_t c = 0; c < n_parts; ++c) {
        within += coarse.strength[c] - outward[c];
        expected += std::pow(coarse.strength[c] / total, 2);
    }
    CHECK(within / total - expected == Approx(leiden::modularity(graph, parts)).margin(1e-12));
}

TEST_CASE("Leiden depends on its seed alone, not on threads or names", "[metrics][leiden][property]") {
    const LabelledCells data = random_cells(4, 900, 6, 1, 6);
    const WeightedGraph graph = graph_of_cells(data.cells);
    const leiden::Agreement one = leiden::agreement(graph, data.label);
    set_thread_count(3);
    const leiden::Agreement three = leiden::agreement(graph, renamed(data.label));
    set_thread_count(1);
    CHECK(one.clusters == three.clusters);
    CHECK(*one.nmi.value == *three.nmi.value);
    CHECK(*one.ari.value == *three.ari.value);
    for (std::size_t i = 0; i < one.trials.size(); ++i) CHECK(one.trials[i].modularity == three.trials[i].modularity);
    bool differs = false;
    for (std::uint64_t seed = 1; seed < 5; ++seed) {
        const leiden::Agreement other = leiden::agreement(graph, data.label, {.seed = seed});
        for (std::size_t i = 0; i < one.trials.size(); ++i) {
            differs = differs || other.trials[i].modularity != one.trials[i].modularity;
        }
    }
    CHECK(differs);
    CHECK(one.trials.front().n_clusters < one.trials.back().n_clusters);
}

TEST_CASE("the best resolution is the first one with the largest NMI", "[metrics][leiden]") {
    const MetricCase data = generated_case("gauss_three");
    const leiden::Agreement found = leiden::agreement(graph_of_cells(data.cells), data.label);
    for (const leiden::Trial& trial : found.trials) CHECK(trial.nmi <= *found.nmi.value);
    CHECK(*detail_of(found.nmi, "resolution") == 0.2);  // 0.4 and 0.6 are as good
    CHECK(*found.nmi.value == Approx(1.0).epsilon(1e-14));
    CHECK(*found.ari.value == Approx(1.0).epsilon(1e-14));
    CHECK(*detail_of(found.ari, "n_clusters") == 3.0);
}

TEST_CASE("Leiden in corners", "[metrics][leiden][edge]") {
    const WeightedGraph without = graph_of(arma::mat(4, 4, arma::fill::zeros));
    CHECK(leiden::cluster(without, {}, make_key(1)) == Membership{0, 1, 2, 3});
    CHECK(leiden::agreement(without, numbered({0, 0, 1, 1}, 2)).nmi.reason == "the graph of the cells has no edges");
    arma::mat pair(5, 5, arma::fill::zeros);
    pair(1, 3) = pair(3, 1) = 0.7;
    CHECK(leiden::cluster(graph_of(pair), {}, make_key(1)) == Membership{0, 1, 2, 1, 3});
    CHECK_THROWS_AS(leiden::cluster(without, {.resolution = 0.0}, make_key(1)), std::invalid_argument);
    CHECK_THROWS_AS(leiden::cluster(without, {.n_iterations = 0}, make_key(1)), std::invalid_argument);
    CHECK_THROWS_AS(leiden::cluster(without, {.randomness = -1.0}, make_key(1)), std::invalid_argument);
    CHECK_THROWS_AS(leiden::agreement(without, numbered({0, 0, 1, 1}, 2), {.resolutions = {}}), std::invalid_argument);
}
