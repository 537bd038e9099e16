// Principal component regression (Buttner et al. 2019; Luecken et al. 2022): how much of the cells' variance the
// batches explain, before and after correction.
//   share(X) = sum_b n_b |mean_b - mean|^2 / sum_i |x_i - mean|^2
//   pcr_comparison = max(0, (share(before) - share(after)) / share(before))
// The share is the regression of all principal components on the batches: R^2 of a component on one-hot batches is its
// variance between batches, and the sum over all components, weighted by their variances, does not depend on the
// rotation. So no component is computed. Batches are categories, whatever their names. Time O(n F).
#pragma once

#include <optional>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench {

/// share(cells) in [0, 1]; nothing if all cells are alike. `cells` [F x n] must be finite. Batches without cells do not
/// count.
template <class Real>
std::optional<double> between_batch_share(const Matrix<Real>& cells, const Labels& batch);

/// 1 if correction removed all variance between batches, 0 if it removed none or added some. The details are
/// `share_before`, `share_after` and `unclipped`, which is negative where batches explain more than before. The two
/// matrices hold the same cells, but may have other features. Not applicable with one batch, where all cells are alike
/// or where the batches explain nothing before.
template <class Real>
MetricResult pcr_comparison(const Matrix<Real>& before, const Matrix<Real>& after, const Labels& batch);

}  // namespace bcbench
