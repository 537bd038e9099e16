// UMAP connectivities: a weighted graph in which every cell has edges of about the same total weight, however dense or
// sparse its surroundings are. McInnes, Healy and Melville 2018 (UMAP), section 3.1 and algorithm 3; the form that
// scanpy and scib-metrics use (local connectivity 1, union of the two directions).
//   Of the k distances d of a cell, its own 0 among them: rho the smallest positive one, sigma such that
//     sum over the others of min(1, exp(-(d - rho) / sigma)) = log2 k,   found by bisection to 1e-5,
//   at least 0.001 * their mean (the mean of all cells' where a cell has no positive distance).
//   W_ij = min(1, exp(-(d_ij - rho_i) / sigma_i));   the graph is W + W^T - W o W^T.
// Cost: n k exponentials a step of the bisection, about 20 steps.
#pragma once

#include <cstdint>

#include "engine/neighbors/neighbors.hpp"
#include "engine/neighbors/weighted_graph.hpp"

namespace bcbench {

struct UmapGraphOptions {
    /// Neighbours of each cell, itself not counted: 14, which is the field's 15 that counts it (Leiden), or 49 (kBET
    /// per label). With fewer cells, all others. More connect farther cells.
    std::int64_t n_others = 14;
};

/// The connectivities of the cells that `neighbors` belongs to. A weight that is 0 in float32 is no edge; a cell has
/// none to itself. Every step is an IEEE operation in a fixed order: the same bits for any number of threads and on
/// every machine. Throws std::invalid_argument unless n_others is at least 1 and `neighbors` holds as many,
/// NumericalError if a distance is infinite.
WeightedGraph umap_graph(const NeighborsView& neighbors, const UmapGraphOptions& options = {});

}  // namespace bcbench
