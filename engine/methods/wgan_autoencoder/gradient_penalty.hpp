// The gradient penalty of a Wasserstein critic: how far its slope is from 1 between the batches.
//   penalty = mean over points of (||d score / d z|| - 1)^2      (Gulrajani et al. 2017, equation 3)
// The slope of an Mlp is made of its weights and of which units are active; the latter change nowhere but at kinks, so
// that the derivative of the penalty reaches the kernels only, never the biases.
#pragma once

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/networks/mlp.hpp"

namespace bcbench::wgan_autoencoder {

/// For every cell a random point on the line to a random cell of the other side, batch 0 against all other batches. [L
/// x n]
template <class Real>
Matrix<Real> points_between(const Matrix<Real>& latent, const Labels& batch, Key key);

/// The penalty at `points` [L x m]; adds `penalty_bar` times its gradient to `critic_bar` unless it is nullptr.
/// Operands are not rounded in any precision.
template <class Real>
double gradient_penalty(const Mlp<Real>& critic, const Matrix<Real>& points, double penalty_bar, Mlp<Real>* critic_bar);

}  // namespace bcbench::wgan_autoencoder
