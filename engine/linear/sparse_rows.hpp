// Products with rows of a sparse matrix, in the widest vectors that the machine has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/types.hpp"

namespace bcbench::linear {

/// Rows first .. first+count-1 of a sparse S [n x n]: row i has its entries at start[i] .. start[i+1]-1.
struct SparseRows {
    const std::size_t* start;
    const std::uint32_t* target;  // column of an entry
    const double* value;
    std::size_t first, count;
};

/// y_i <- factor sum_j S_ij x_j - y_i for the rows i, where x_i and y_i are columns of x and y [b x n].
void recur(const SparseRows& rows, const arma::mat& x, double factor, arma::mat& y);

}  // namespace bcbench::linear
