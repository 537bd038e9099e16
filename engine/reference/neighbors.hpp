// k nearest neighbours by sorting all distances: the definition, for tests and the check of the fast search.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// Indices of the `k` nearest other cells, nearest first, ties by lower index. [k x n]
arma::Mat<std::uint32_t> nearest_neighbors(const Matrix<double>& cells, arma::uword k);

/// Indices of the `k` cells of `points` [F x m] nearest to each of `queries` [F x q], nearest first, ties by lower
/// index. [k x q]
arma::Mat<std::uint32_t> nearest_neighbors_among(const Matrix<double>& points, const Matrix<double>& queries,
                                                 arma::uword k);

}  // namespace bcbench::reference
