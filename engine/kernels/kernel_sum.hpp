// Sums of Gaussian kernels over all pairs of two sets of points, and their gradients, in tiles.
#pragma once

#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// sum_{i,j} k(u_i, v_j) for u [L x p], v [L x q], k(u, v) = mean over bandwidths w of exp(-||u - v||^2 / (2 w^2)).
/// Adds coefficient * d sum / d u to `u_bar` [L x p] unless it is nullptr; for d/dv call with u and v exchanged.
/// Squared distances are sums of squared differences: no cancellation for near points.
template <class Real>
double kernel_sum(const Matrix<Real>& u, const Matrix<Real>& v, const std::vector<double>& bandwidths,
                  Matrix<Real>* u_bar = nullptr, double coefficient = 1.0);

}  // namespace bcbench
