// The steps from counts to principal components as their formulas read: dense, one loop nest per formula. Slow, and
// never edited for speed; tests compare against them.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench::reference {

/// ln(1 + x) of the cells [F x n], each scaled to the median sum of those with counts.
arma::mat log_normalized(const arma::mat& counts);

/// Normalised dispersion of every gene [F] by flavor `seurat` with 20 bins; NaN where there is none.
arma::vec seurat_dispersion(const arma::mat& log_normalized);

/// (x - mean) / sd of each gene, cut off at +-most.
arma::mat scaled(const arma::mat& cells, double most);

/// Scores [c x n] on the leading eigenvectors of the covariance, all of which are computed; the loading largest in size
/// is positive.
arma::mat pca_scores(const arma::mat& cells, arma::uword n_components);

}  // namespace bcbench::reference
