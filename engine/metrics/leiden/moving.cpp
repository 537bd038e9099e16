#include <deque>

#include "engine/metrics/leiden/steps.hpp"

namespace bcbench::leiden {

namespace {

// Strengths are sums of many numbers: a gain below this part of a node's strength is rounding, and moves for the sake
// of rounding may never end.
constexpr double least_gain = 1e-12;

struct Clusters {
    std::vector<double> strength;     // [n]
    std::vector<std::uint32_t> size;  // [n]
    std::vector<std::uint32_t> empty;

    Clusters(const Level& level, const Membership& membership)
        : strength(membership.size(), 0.0), size(membership.size(), 0) {
        for (std::size_t i = 0; i < membership.size(); ++i) {
            strength[membership[i]] += level.strength[i];
            ++size[membership[i]];
        }
        for (std::size_t c = size.size(); c-- > 0;) {
            if (size[c] == 0) empty.push_back(static_cast<std::uint32_t>(c));
        }
    }

    void remove(std::uint32_t cluster, double node_strength) {
        strength[cluster] -= node_strength;
        if (--size[cluster] > 0) return;
        strength[cluster] = 0.0;
        empty.push_back(cluster);
    }

    void add(std::uint32_t cluster, double node_strength) {
        if (size[cluster]++ == 0) empty.pop_back();  // only the last empty one is ever offered
        strength[cluster] += node_strength;
    }
};

}  // namespace

void move_nodes(const Level& level, const Gains& gains, const std::vector<std::uint32_t>& order,
                Membership& membership) {
    const WeightedGraph& graph = level.graph;
    Clusters clusters(level, membership);
    WeightsToClusters weights(membership.size());
    std::deque<std::uint32_t> queue(order.begin(), order.end());
    std::vector<char> waiting(membership.size(), 1);
    while (!queue.empty()) {
        const std::uint32_t node = queue.front();
        queue.pop_front();
        waiting[node] = 0;
        const std::uint32_t own = membership[node];
        for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
            weights.add(membership[graph.target[e]], graph.weight[e]);
        }
        clusters.remove(own, level.strength[node]);
        std::uint32_t best = own;
        double best_gain = gains.merging(weights[own], level.strength[node], clusters.strength[own]) +
                           least_gain * level.strength[node];
        const auto offer = [&](std::uint32_t cluster) {
            const double gain = gains.merging(weights[cluster], level.strength[node], clusters.strength[cluster]);
            if (gain > best_gain) best = cluster, best_gain = gain;
        };
        for (const std::uint32_t cluster : weights.clusters()) offer(cluster);
        if (!clusters.empty.empty()) offer(clusters.empty.back());
        // where `own` has just become empty it is the last empty one
        clusters.add(best, level.strength[node]);
        weights.clear();
        if (best == own) continue;
        membership[node] = best;
        for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
            const std::uint32_t other = graph.target[e];
            if (waiting[other] || membership[other] == best) continue;
            waiting[other] = 1;
            queue.push_back(other);
        }
    }
}

}  // namespace bcbench::leiden
