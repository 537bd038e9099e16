// An undirected graph with weights, as rows of neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bcbench {

/// Row i, the edges of node i, stands at start[i] .. start[i+1]-1. Every edge between two nodes stands in both their
/// rows with the same weight; targets rise within a row.
struct WeightedGraph {
    std::vector<std::size_t> start;     // [n+1]
    std::vector<std::uint32_t> target;  // [2 x edges]
    std::vector<double> weight;         // [2 x edges] > 0

    std::size_t count() const { return start.empty() ? 0 : start.size() - 1; }
};

/// The graph of `nodes` (rising) alone, numbered as they stand there, with the edges between them.
WeightedGraph subgraph(const WeightedGraph& graph, const std::vector<std::uint32_t>& nodes);

/// The nodes of each connected component, rising; components in the order of their first node.
std::vector<std::vector<std::uint32_t>> connected_components(const WeightedGraph& graph);

/// The sum of the weights of each node's edges. [n]
std::vector<double> strengths(const WeightedGraph& graph);

}  // namespace bcbench
