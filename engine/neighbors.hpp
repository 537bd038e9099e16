// Exact k nearest neighbours under the Euclidean distance.
#pragma once

#include "engine/types.hpp"

namespace bcbench {

struct Neighbors {
    arma::Mat<std::uint32_t> index;  // [k x n] nearest first, the cell itself excluded, ties by lower index
    Matrix<double> squared_distance;  // [k x n] sum over features, in order, of (x - y)^2 in double
};

/// The `k` nearest other cells of every cell of `cells` [F x n]. Distances are those of the double differences, so
/// that near-duplicates far from the origin are told apart. Memory is O(n k) beyond the input.
/// Throws std::invalid_argument unless 1 <= k < n, and NumericalError if a cell is not finite.
template <class Real>
Neighbors nearest_neighbors(const Matrix<Real>& cells, arma::uword k);

}  // namespace bcbench
