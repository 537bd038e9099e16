// mmd_autoencoder as a function of cells and parameters.
#pragma once

#include "engine/gradients/differentiable.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"

namespace bcbench::mmd_autoencoder {

/// Inputs cells [F x n], encoder and decoder; outputs corrected, reconstruction_loss, mmd_loss.
Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Autoencoder<double>& parameters,
                              const mmd::Options& mmd);

}  // namespace bcbench::mmd_autoencoder
