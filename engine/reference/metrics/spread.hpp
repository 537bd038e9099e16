// Metrics of spread and of whole batches as they are defined, over all pairs of cells, for tests. Cells are [F x n].
#pragma once

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// Half the mean squared distance of all ordered pairs of cells, which is the variance summed over features.
double total_variance(const arma::mat& cells);

/// The variance less that within each label, weighted by its cells.
double variance_between(const arma::mat& cells, const Labels& labels);

/// The mean over pairs of batches of the unbiased MMD^2, the bandwidth being the median of all distances. Any number
/// of pairs: of an even one the upper of the two in the middle.
double mmd_unbiased(const arma::mat& cells, const Labels& batch);

/// Batch mixing entropy by all distances, each cell's shares averaged over the cells tied at the k-th.
double mixing_with_ties(const arma::mat& cells, const Labels& batch, arma::uword k);

/// The same of type purity.
double purity_with_ties(const arma::mat& cells, const Labels& type, arma::uword k);

}  // namespace bcbench::reference
