// Principal components for scatter plots.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

/// Coordinates of `cells` [F x n] on their `n_components` leading principal components, in double. [n_components x n]
/// The loading of largest magnitude of each component is positive; components beyond F are 0.
template <class Real>
Matrix<double> principal_components(const Matrix<Real>& cells, arma::uword n_components);

}  // namespace bcbench
