// k nearest neighbours by sorting all distances: the definition, for tests and the check of the fast search.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// Indices of the `k` nearest other cells, nearest first, ties by lower index. [k x n]
arma::Mat<std::uint32_t> nearest_neighbors(const Matrix<double>& cells, arma::uword k);

}  // namespace bcbench::reference
