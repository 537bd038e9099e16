#include <numeric>

#include "engine/metrics/leiden/steps.hpp"

namespace bcbench::leiden {

Level aggregate(const Level& level, const Membership& membership, std::uint32_t n_clusters) {
    const WeightedGraph& graph = level.graph;
    std::vector<std::uint32_t> in_order(membership.size());
    std::iota(in_order.begin(), in_order.end(), 0U);
    const ClusterNodes nodes = nodes_of_clusters(membership, n_clusters, in_order);
    Level coarse;
    coarse.graph.start.assign(1, 0);
    coarse.strength.assign(n_clusters, 0.0);
    WeightsToClusters weights(n_clusters);
    for (std::uint32_t c = 0; c < n_clusters; ++c) {
        for (std::size_t place = nodes.start[c]; place < nodes.start[c + 1]; ++place) {
            const std::uint32_t node = nodes.node[place];
            coarse.strength[c] += level.strength[node];
            for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
                const std::uint32_t other = membership[graph.target[e]];
                if (other != c) weights.add(other, graph.weight[e]);
            }
        }
        for (const std::uint32_t other : weights.clusters()) {
            coarse.graph.target.push_back(other);
            coarse.graph.weight.push_back(weights[other]);
        }
        coarse.graph.start.push_back(coarse.graph.target.size());
        weights.clear();
    }
    return coarse;
}

}  // namespace bcbench::leiden
