// differentiable_harmony as a function of cells and centroids.
#pragma once

#include "engine/gradients/differentiable.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"

namespace bcbench::differentiable_harmony {

/// Inputs cells [F x n] and centroids [F x K]; output corrected.
Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Parameters<double>& parameters,
                              const Options& options);

}  // namespace bcbench::differentiable_harmony
