// What of the spread of the cells lies between batches or types: free of the scale of the cells, so that shrinking all
// of them changes nothing. The variance of cells is the mean of their squared distance from the mean of all.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

/// Corrected cells that keep less than this share of the variance of the input (a hundredth of its standard deviation)
/// have collapsed.
inline constexpr double collapsed_below = 1e-4;

namespace variance {

/// The variance of `cells` [F x n], summed over features, in double. Its root is the total standard deviation.
template <class Real>
double total(const Matrix<Real>& cells);

/// The part of it that lies between the means of the cells of each label; what remains lies within the labels.
template <class Real>
double between(const Matrix<Real>& cells, const Labels& labels);

}  // namespace variance

}  // namespace bcbench
