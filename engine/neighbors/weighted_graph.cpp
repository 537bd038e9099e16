#include "engine/neighbors/weighted_graph.hpp"

#include <algorithm>

namespace bcbench {

WeightedGraph subgraph(const WeightedGraph& graph, const std::vector<std::uint32_t>& nodes) {
    constexpr std::uint32_t outside = 0xffffffffU;
    std::vector<std::uint32_t> number(graph.count(), outside);
    for (std::size_t i = 0; i < nodes.size(); ++i) number[nodes[i]] = static_cast<std::uint32_t>(i);
    WeightedGraph part;
    part.start.assign(1, 0);
    for (const std::uint32_t node : nodes) {
        for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
            if (number[graph.target[e]] == outside) continue;
            part.target.push_back(number[graph.target[e]]);
            part.weight.push_back(graph.weight[e]);
        }
        part.start.push_back(part.target.size());
    }
    return part;
}

std::vector<std::vector<std::uint32_t>> connected_components(const WeightedGraph& graph) {
    std::vector<std::vector<std::uint32_t>> components;
    std::vector<char> seen(graph.count(), 0);
    for (std::uint32_t first = 0; first < graph.count(); ++first) {
        if (seen[first]) continue;
        seen[first] = 1;
        std::vector<std::uint32_t> reached{first};
        for (std::size_t next = 0; next < reached.size(); ++next) {
            const std::uint32_t node = reached[next];
            for (std::size_t e = graph.start[node]; e < graph.start[node + 1]; ++e) {
                if (seen[graph.target[e]]) continue;
                seen[graph.target[e]] = 1;
                reached.push_back(graph.target[e]);
            }
        }
        std::sort(reached.begin(), reached.end());
        components.push_back(std::move(reached));
    }
    return components;
}

std::vector<double> strengths(const WeightedGraph& graph) {
    std::vector<double> sums(graph.count(), 0.0);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        for (std::size_t e = graph.start[i]; e < graph.start[i + 1]; ++e) sums[i] += graph.weight[e];
    }
    return sums;
}

}  // namespace bcbench
