// Means and squares of the cells of every label (batch, type), in double and in a fixed order: the same for any number
// of threads.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

/// The mean of the cells [F x n] of each label; 0 for a label without cells. [F x B]
template <class Real>
arma::mat label_means(const Matrix<Real>& cells, const Labels& labels);

/// The sum over the cells of each label of (x - centre)^2, feature by feature. centres: [F x B]. [F x B]
template <class Real>
arma::mat label_squares(const Matrix<Real>& cells, const Labels& labels, const arma::mat& centres);

/// The mean of all cells [F x n]. [F]
template <class Real>
arma::vec mean_cell(const Matrix<Real>& cells);

/// The sum over features of the sample variance (n - 1) of the cells [F x n]; 0 for a single cell.
template <class Real>
double total_variance(const Matrix<Real>& cells);

}  // namespace bcbench
