// What the bindings of several methods share.
#pragma once

#include <utility>

#include "engine/networks/autoencoder.hpp"
#include "engine/reference/methods.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

inline Score loss_of(const ScoreRow& row, double value) { return score(row, value); }

/// `value`, or not_applicable if the dataset has a single batch.
inline Score loss_between_batches(const ScoreRow& row, double value, const Labels& batch) {
    return batch.count() > 1 ? score(row, value) : not_applicable(row, needs_two_batches);
}

inline reference::Network reference_network(const Mlp<double>& mlp) {
    reference::Network network;
    for (std::size_t l = 0; l < mlp.layers.size(); ++l) {
        network.kernel[l] = mlp.layers[l].kernel;
        network.bias[l] = mlp.layers[l].bias;
    }
    return network;
}

inline reference::Conditional reference_conditional(const Autoencoder<double>& model) {
    return {static_cast<std::uint32_t>(model.n_batches), model.reference_batch};
}

template <class Real>
FurtherArray<Real> latent_array(Matrix<Real> latent) {
    const arma::uword n_dimensions = latent.n_rows;
    return {"latent", n_dimensions, [latent = std::move(latent)](const Matrix<Real>&) { return latent; }, 0.0};
}

}  // namespace bcbench::methods
