#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <random>

#include "engine/metrics/leiden/leiden.hpp"
#include "engine/metrics/leiden/steps.hpp"
#include "tests/support/graph_metric_cases.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using leiden::Membership;

namespace {

// Weights are eighths: their sums are exact in any order, so that equality decides alike.
arma::mat eighths(arma::uword n, double density, unsigned seed) {
    return arma::ceil(8.0 * random_weights(n, density, seed)) / 8.0;
}

// A subset S of the nodes of a cluster C, as algorithm A.2 of Traag et al. (2019) looks at it, from the definitions.
struct Subset {
    const arma::mat& weights;
    const Membership& parts;
    const Membership& clusters;
    std::uint32_t part, cluster;

    bool in_part(std::size_t i) const { return parts[i] == part; }
    double strength() const {
        double sum = 0.0;
        for (std::size_t i = 0; i < parts.size(); ++i) sum += in_part(i) ? arma::accu(weights.col(i)) : 0.0;
        return sum;
    }
    bool is_well_connected(double cost) const {
        double outward = 0.0;
        double of_cluster = 0.0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (clusters[i] != cluster) continue;
            of_cluster += arma::accu(weights.col(i));
            for (std::size_t j = 0; j < parts.size() && in_part(i); ++j) {
                if (clusters[j] == cluster && !in_part(j)) outward += weights(i, j);
            }
        }
        return outward >= cost * strength() * (of_cluster - strength());
    }
};

struct Candidate {
    std::uint32_t part;
    double gain;
};

// Refined clusters that `node` may join without loss, itself first, then in the order of its neighbours.
std::vector<Candidate> candidates_of(const arma::mat& weights, const Membership& clusters, const Membership& parts,
                                     std::uint32_t node, double cost) {
    std::vector<Candidate> candidates{{node, 0.0}};
    std::vector<char> seen(parts.size(), 0);
    for (std::size_t j = 0; j < parts.size(); ++j) {
        if (weights(node, j) <= 0.0 || clusters[j] != clusters[node] || seen[parts[j]]) continue;
        seen[parts[j]] = 1;
        double between = 0.0;
        for (std::size_t k = 0; k < parts.size(); ++k) between += parts[k] == parts[j] ? weights(node, k) : 0.0;
        const Subset joined{weights, parts, clusters, parts[j], clusters[node]};
        const double gain = between - cost * arma::accu(weights.col(node)) * joined.strength();
        if (gain >= 0.0 && joined.is_well_connected(cost)) candidates.push_back({parts[j], gain});
    }
    return candidates;
}

// Step 2 of Leiden, every sum anew.
Membership slowly_refined(const arma::mat& weights, double cost, const Membership& clusters, std::uint32_t n_clusters,
                          const std::vector<std::uint32_t>& order, double randomness, Key key) {
    Membership parts(clusters.size());
    std::iota(parts.begin(), parts.end(), 0U);
    std::uint64_t draws = 0;
    for (std::uint32_t cluster = 0; cluster < n_clusters; ++cluster) {
        for (const std::uint32_t node : order) {
            if (clusters[node] != cluster) continue;
            if (std::count(parts.begin(), parts.end(), parts[node]) > 1 || parts[node] != node) continue;
            if (!Subset{weights, parts, clusters, node, cluster}.is_well_connected(cost)) continue;
            const std::vector<Candidate> candidates = candidates_of(weights, clusters, parts, node, cost);
            if (candidates.size() == 1) continue;
            double sum = 0.0;
            for (const Candidate& each : candidates) sum += std::exp(each.gain / randomness);
            double left = (static_cast<double>(random_word(key, draws++)) + 0.5) * 0x1p-32 * sum;
            for (const Candidate& each : candidates) {
                left -= std::exp(each.gain / randomness);
                if (left > 0.0) continue;
                parts[node] = each.part;
                break;
            }
        }
    }
    return parts;
}

}  // namespace

TEST_CASE("Leiden refines as its algorithm says, node by node", "[metrics][leiden][reference]") {
    std::size_t merged = 0;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        const arma::mat weights = eighths(30, 0.4, seed);
        const WeightedGraph graph = graph_of(weights);
        const leiden::Level level{graph, strengths(graph)};
        const leiden::Gains gains{(0.5 + 0.05 * seed) / arma::accu(weights)};
        const std::vector<std::uint32_t> order = permutation(make_key(seed), 30);
        Membership clusters(30);
        for (std::uint32_t i = 0; i < 30; ++i) clusters[i] = i * i % 7 % 3;  // not what any algorithm would find
        const double randomness = seed % 2 == 0 ? 0.3 : 3.0;  // gains are of order 1: both let chance choose
        const Membership found = leiden::refine(level, gains, clusters, 3, order, randomness, make_key(seed + 100));
        INFO("seed " << seed);
        CHECK(found == slowly_refined(weights, gains.cost, clusters, 3, order, randomness, make_key(seed + 100)));
        for (std::uint32_t i = 0; i < 30; ++i) merged += found[i] != i ? 1 : 0;
    }
    CHECK(merged > 100);  // of 1,200 nodes
}

// What Louvain does not promise: without refinement some of these graphs are left with clusters in pieces.
TEST_CASE("the clusters of Leiden hang together in sparse graphs too", "[metrics][leiden][property]") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        const WeightedGraph graph = graph_of(random_weights(60, 0.06, seed));
        const Membership clusters = leiden::cluster(graph, {.resolution = 0.5}, make_key(seed));
        const std::uint32_t count = *std::max_element(clusters.begin(), clusters.end()) + 1;
        for (std::uint32_t c = 0; c < count; ++c) {
            std::vector<std::uint32_t> members;
            for (std::uint32_t i = 0; i < clusters.size(); ++i) {
                if (clusters[i] == c) members.push_back(i);
            }
            INFO("seed " << seed << " cluster " << c);
            CHECK(connected_components(subgraph(graph, members)).size() == 1);
        }
    }
}
