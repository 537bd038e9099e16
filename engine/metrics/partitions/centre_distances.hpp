// Squared distances of all cells from a few centres, as k-means needs them.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::kmeans {

/// The sum over features, in order, of (x - y)^2.
double squared_distance(const double* x, const double* y, arma::uword n_features);

/// Cells about their mean, with what the products need.
struct CentredCells {
    arma::mat values;  // [F x n]
    arma::vec mean;    // [F]
    arma::vec norm;    // [n] |x|^2

    template <class Real>
    explicit CentredCells(const Matrix<Real>& cells);
};

/// Squared distances of the cells first .. first+count-1 from `centres` [F x K]: |x|^2 + |c|^2 - 2 x.c, and where that
/// is within its rounding of 0, as defined, so that a cell on a centre has distance 0. [K x count]
arma::mat squared_distances(const CentredCells& cells, arma::uword first, arma::uword count, const arma::mat& centres);

/// The nearest centre of each cell by squared distances as defined, ties to the lower centre. [n]
std::vector<std::uint32_t> nearest_centres(const CentredCells& cells, const arma::mat& centres);

}  // namespace bcbench::kmeans
