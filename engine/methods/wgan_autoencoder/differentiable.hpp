// wgan_autoencoder as a function of cells and parameters.
#pragma once

#include "engine/gradients/differentiable.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"

namespace bcbench::wgan_autoencoder {

/// Inputs cells [F x n], encoder, decoder and critic; outputs corrected, reconstruction_loss, generator_loss,
/// discriminator_loss. Gradient reversal makes what the encoder receives no derivative of these; the reverse passes
/// given here take it back again. `options` are of float64.
Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Parameters<double>& parameters,
                              const Options& options);

}  // namespace bcbench::wgan_autoencoder
