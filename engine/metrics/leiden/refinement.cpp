#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/metrics/leiden/steps.hpp"

namespace bcbench::leiden {

namespace {

// Numbers in (0, 1), one word of a key each.
class Draws {
  public:
    explicit Draws(Key key) : key_(key) {}
    double next() { return (static_cast<double>(random_word(key_, index_++)) + 0.5) * 0x1p-32; }

  private:
    Key key_;
    std::uint64_t index_ = 0;
};

struct Refined {
    Membership membership;            // [n] refined cluster, at first each node its own
    std::vector<double> strength;     // [n] of each refined cluster
    std::vector<std::uint32_t> size;  // [n]
    std::vector<double> outward;      // [n] weight from each refined cluster to the rest of its cluster
};

// Weight from each node to the other nodes of its cluster. [n]
std::vector<double> weights_within(const Level& level, const Membership& membership) {
    const WeightedGraph& graph = level.graph;
    std::vector<double> within(membership.size(), 0.0);
    for (std::size_t i = 0; i < membership.size(); ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) {
            if (membership[graph.target[e]] == membership[i]) within[i] += graph.weight[e];
        }
    }
    return within;
}

// One of `candidates` with probability proportional to exp(gain / randomness).
std::uint32_t draw(const std::vector<std::pair<std::uint32_t, double>>& candidates, double randomness, Draws& draws) {
    double largest = candidates[0].second;
    for (const auto& [cluster, gain] : candidates) largest = std::max(largest, gain);
    double sum = 0.0;
    for (const auto& [cluster, gain] : candidates) sum += std::exp((gain - largest) / randomness);
    double left = draws.next() * sum;
    for (const auto& [cluster, gain] : candidates) {
        left -= std::exp((gain - largest) / randomness);
        if (left <= 0.0) return cluster;
    }
    return candidates.back().first;  // what rounding left over
}

}  // namespace

Membership refine(const Level& level, const Gains& gains, const Membership& membership, std::uint32_t n_clusters,
                  const std::vector<std::uint32_t>& order, double randomness, Key key) {
    const WeightedGraph& graph = level.graph;
    const std::size_t n = membership.size();
    std::vector<double> cluster_strength(n_clusters, 0.0);
    for (std::size_t i = 0; i < n; ++i) cluster_strength[membership[i]] += level.strength[i];
    Refined refined{Membership(n), level.strength, std::vector<std::uint32_t>(n, 1), weights_within(level, membership)};
    std::iota(refined.membership.begin(), refined.membership.end(), 0U);
    const auto well_connected = [&](std::uint32_t part, std::uint32_t cluster) {
        const double rest = cluster_strength[cluster] - refined.strength[part];
        return refined.outward[part] >= gains.cost * refined.strength[part] * rest;
    };
    Draws draws(key);
    WeightsToClusters weights(n);
    std::vector<std::pair<std::uint32_t, double>> candidates;
    for (const std::uint32_t node : nodes_of_clusters(membership, n_clusters, order).node) {
        const std::uint32_t cluster = membership[node];
        // a node whose number is its refined cluster's still stands there, alone or joined by others
        if (refined.membership[node] != node || refined.size[node] > 1 || !well_connected(node, cluster)) continue;
        for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
            const std::uint32_t other = graph.target[e];
            if (membership[other] == cluster) weights.add(refined.membership[other], graph.weight[e]);
        }
        candidates.assign(1, {node, 0.0});
        for (const std::uint32_t part : weights.clusters()) {
            const double gain = gains.merging(weights[part], level.strength[node], refined.strength[part]);
            if (gain >= 0.0 && well_connected(part, cluster)) candidates.emplace_back(part, gain);
        }
        const std::uint32_t chosen = candidates.size() > 1 ? draw(candidates, randomness, draws) : node;
        if (chosen != node) {
            refined.membership[node] = chosen;
            refined.size[node] = 0;
            ++refined.size[chosen];
            refined.strength[chosen] += level.strength[node];
            refined.outward[chosen] += refined.outward[node] - 2.0 * weights[chosen];
        }
        weights.clear();
    }
    return refined.membership;
}

}  // namespace bcbench::leiden
