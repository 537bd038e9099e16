// mmd_autoencoder as a function of cells and parameters.
#pragma once

#include "engine/gradients/differentiable.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"

namespace bcbench::mmd_autoencoder {

/// Inputs cells [F x n], encoder and decoder; outputs corrected, reconstruction_loss, mmd_loss.
/// `options` are of float64.
Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Autoencoder<double>& parameters,
                              const Options& options);

}  // namespace bcbench::mmd_autoencoder
