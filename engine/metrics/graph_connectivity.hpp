// Graph connectivity (Luecken et al. 2022): whether the cells of a label hang together in the graph of neighbours.
//   mean over labels of (cells of the label's largest connected component) / (cells of the label)
// The graph leads from each cell to its nearest others; edges between cells of different labels are left out.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/neighbors.hpp"

namespace bcbench::graph_connectivity {

enum class Connection {
    strong,  // a path in both directions, along the edges as they point: scib-metrics
    weak     // a path along edges taken both ways: scib, on its symmetric graph; never lower
};

struct Options {
    /// Neighbours of each cell, itself not counted: 14, which is the field's 15 that counts it. With fewer cells, all
    /// others.
    std::int64_t n_others = 14;
    Connection connection = Connection::strong;
};

/// The metric, in (0, 1], with per_label values: always applicable. Exact. Time O(n k). Throws std::invalid_argument
/// unless n_others is at least 1 and `neighbors` holds as many.
MetricResult evaluate(const NeighborsView& neighbors, const Labels& label, const Options& options = {});

}  // namespace bcbench::graph_connectivity
