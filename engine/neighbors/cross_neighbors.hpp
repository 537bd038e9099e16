// Exact k nearest neighbours of the cells of one set among the cells of another, under the Euclidean distance.
#pragma once

#include "engine/core/types.hpp"
#include "engine/neighbors/neighbors.hpp"

namespace bcbench {

/// Neighbours both ways between two sets.
struct CrossNeighbors {
    Neighbors of_first;   // [k_first x n_first], indices into the second set
    Neighbors of_second;  // [k_second x n_second], indices into the first set
};

/// The `k_first` nearest cells of `second` [F x n_second] of every cell of `first` [F x n_first], and the `k_second`
/// nearest the other way, nearest first, ties by lower index. Distances, skipping and threads are those of
/// nearest_neighbors (neighbors.hpp); every pair of cells meets at most once for both ways. Throws
/// std::invalid_argument unless the sets have the same features, 1 <= k_first <= n_second and 1 <= k_second <= n_first,
/// and NumericalError if a cell is not finite.
template <class Real>
CrossNeighbors cross_neighbors(const Matrix<Real>& first, const Matrix<Real>& second, arma::uword k_first,
                               arma::uword k_second);

/// One way only: the `k` nearest cells of `points` [F x m] of every cell of `queries` [F x q]. [k x q] indices into
/// `points`. A query that is also a point finds itself.
template <class Real>
Neighbors nearest_neighbors_among(const Matrix<Real>& points, const Matrix<Real>& queries, arma::uword k);

}  // namespace bcbench
