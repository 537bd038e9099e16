// Exact k nearest neighbours under the Euclidean distance.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

struct Neighbors {
    arma::Mat<std::uint32_t> index;   // [k x n] nearest first, the cell itself excluded, ties by lower index
    Matrix<double> squared_distance;  // [k x n] sum over features, in order, of (x - y)^2 in double
};

/// The `k` nearest other cells of every cell of `cells` [F x n]. Distances are those of the double
/// differences, so that near-duplicates far from the origin are told apart. Every pair of cells meets at most
/// once: tiles of cells that are too far apart are skipped (neighbors_tiles.hpp), an integer bound throws out
/// nearly all other pairs (neighbors_filter.hpp), and the distances of the rest are computed as defined. The
/// result does not depend on the number of threads. Time is O(n^2 F) at the rate of 16-bit integer products;
/// only cells in great numbers at the same distance (duplicates, say) cost as much as computing all
/// distances. Memory beyond the input is one copy of it and O(n k). Throws std::invalid_argument unless 1 <=
/// k < n, and NumericalError if a cell is not finite.
template <class Real>
Neighbors nearest_neighbors(const Matrix<Real>& cells, arma::uword k);

}  // namespace bcbench
