// Steps 3 to 5 of MNN: what lies between pairs, the common direction, and the smooth correction of a set.
#pragma once

#include "engine/core/types.hpp"
#include "engine/methods/mnn/pairs.hpp"

namespace bcbench::mnn {

/// For each member of the pairs the mean of (x_i - x_j) over its partners i. [F x m]
template <class Real>
arma::mat correction_vectors(const Matrix<Real>& first, const Matrix<Real>& second, const MutualPairs& pairs);

/// The length of `mean` over the root mean square length of `vectors` [F x m]; 0 if all are 0.
double relative_length(const arma::vec& mean, const arma::mat& vectors);

/// Moves every cell [F x n] along `direction` [F] to the cells' mean place on it; nothing for a direction of length 0.
template <class Real>
void flatten(Matrix<Real>& cells, const arma::vec& direction);

/// Moves every cell of a set [F x n] by the tricube-weighted mean of the `vectors` [F x m] of its `k` nearest members
/// (all, if there are fewer), as step 5 has it.
template <class Real>
void move_smoothly(Matrix<Real>& cells, const MutualPairs& pairs, const arma::mat& vectors, std::size_t k,
                   double bandwidth);

}  // namespace bcbench::mnn
