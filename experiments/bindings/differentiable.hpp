// The methods as functions of named inputs, in double whatever the arithmetic of the run: what gradient checks
// differentiate. The reverse passes are the engine's own; here they only get names.
#pragma once

#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/mmd_autoencoder/method.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench {

template <class Real>
arma::mat in_double(const Matrix<Real>& values) {
    return arma::conv_to<arma::mat>::from(values);
}

template <class Real>
Dataset<double> in_double(const Dataset<Real>& data) {
    return {in_double(data.cells), data.batch, data.type};
}

template <class Real>
differentiable_harmony::Parameters<double> in_double(const differentiable_harmony::Parameters<Real>& parameters) {
    return {in_double(parameters.centroids)};
}

template <class Real>
Mlp<double> in_double(const Mlp<Real>& mlp) {
    Mlp<double> exact;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        exact.layers[l] = {in_double(mlp.layers[l].kernel), arma::conv_to<arma::vec>::from(mlp.layers[l].bias)};
    }
    return exact;
}

template <class Real>
Autoencoder<double> in_double(const Autoencoder<Real>& model) {
    return {in_double(model.encoder), in_double(model.decoder), model.n_batches, model.reference_batch};
}

template <class Real>
wgan_autoencoder::Parameters<double> in_double(const wgan_autoencoder::Parameters<Real>& parameters) {
    return {in_double(parameters.autoencoder), in_double(parameters.critic)};
}

/// corrected = cells.
Differentiable differentiable(const Dataset<double>& data);

/// Input centroids; output corrected.
Differentiable differentiable(const Dataset<double>& data, const differentiable_harmony::Parameters<double>& parameters,
                              const differentiable_harmony::Options& options);

/// Inputs encoder and decoder; outputs corrected, reconstruction_loss, mmd_loss.
Differentiable differentiable(const Dataset<double>& data, const Autoencoder<double>& parameters,
                              const mmd::Options& mmd);

/// Inputs encoder, decoder and critic; outputs corrected, reconstruction_loss, generator_loss, discriminator_loss.
/// Gradient reversal makes what the encoder receives no derivative of these; the reverse passes given here take it back
/// again.
Differentiable differentiable(const Dataset<double>& data, const wgan_autoencoder::Parameters<double>& parameters);

}  // namespace bcbench
