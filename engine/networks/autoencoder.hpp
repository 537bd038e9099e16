// Encoder and decoder of the autoencoder methods:  z = encoder(x),  reconstruction = decoder(z).
// A batch-conditional decoder also sees the batch: B rows, 1 at the cell's batch, are appended to z and B columns, at
// first 0, to the decoder's first kernel (scVI: Lopez et al. 2018; trVAE: Lotfollahi et al. 2020).
#pragma once

#include <utility>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/networks/mlp.hpp"

namespace bcbench {

template <class Real>
struct Autoencoder {
    Mlp<Real> encoder;                  // F -> H -> H -> L
    Mlp<Real> decoder;                  // L (+ B) -> H -> H -> F
    arma::uword n_batches = 0;          // B of a batch-conditional decoder, else 0
    std::uint32_t reference_batch = 0;  // a conditional decoder decodes all corrected cells as this batch

    arma::uword n_latent() const { return encoder.n_outputs(); }
    bool conditional() const { return n_batches > 0; }
};

/// The autoencoder in a model that is or holds one: what a model file needs to know (training/model_file.hpp).
template <class Real>
Autoencoder<Real>* autoencoder_in(Autoencoder<Real>& model) {
    return &model;
}

template <class Real>
Autoencoder<double> in_double(const Autoencoder<Real>& model) {
    return {in_double(model.encoder), in_double(model.decoder), model.n_batches, model.reference_batch};
}

/// One decoding: what the reverse pass reads.
template <class Real>
struct Decoding {
    Matrix<Real> input;  // [L + B x n] of a conditional decoder; another sees the latent itself
    MlpTape<Real> tape;
    Matrix<Real> output;  // [F x n]
};

/// One pass of cells through the model.
template <class Real>
struct AutoencoderPass {
    Matrix<Real> latent;  // [L x n]
    MlpTape<Real> encoder_tape;
    Decoding<Real> own_batch;     // every cell decoded as its own batch: the reconstruction
    Decoding<Real> as_reference;  // every cell decoded as the reference batch; empty unless the decoder is conditional
    bool conditional = false;

    const Matrix<Real>& reconstruction() const { return own_batch.output; }
    const Matrix<Real>& corrected() const { return conditional ? as_reference.output : own_batch.output; }
    Matrix<Real> take_corrected() { return std::move(conditional ? as_reference.output : own_batch.output); }
};

/// Encoder and decoder drawn from `stream`, in this order; the decoder is not conditional.
template <class Real>
Autoencoder<Real> initial_autoencoder(arma::uword n_features, arma::uword n_hidden, arma::uword n_latent,
                                      Stream& stream);

/// The same model with a decoder that sees `n_batches` batches; its output is unchanged until it is trained.
template <class Real>
Autoencoder<Real> with_conditional_decoder(Autoencoder<Real> model, arma::uword n_batches,
                                           std::uint32_t reference_batch);

template <class Real>
Autoencoder<Real> zeros_like(const Autoencoder<Real>& model);

/// Encodes and decodes `cells` [F x n]; `batch` [n] is what a conditional decoder sees. A training needs no corrected
/// cells: without `want_corrected` those of a conditional decoder are left out.
template <class Real>
AutoencoderPass<Real> autoencoder_forward(const Autoencoder<Real>& model, const Matrix<Real>& cells,
                                          const Labels& batch, Precision precision, bool keep_tape,
                                          bool want_corrected = true);

/// The adjoint of the cells [F x n] through encoder and decoder, empty unless wanted, for the adjoints of the pass's
/// results; an empty matrix stands for a zero adjoint. Adds the gradients of the parameters to `model_bar` unless it is
/// nullptr.
template <class Real>
Matrix<Real> autoencoder_backward(const Autoencoder<Real>& model, const Matrix<Real>& cells,
                                  const AutoencoderPass<Real>& pass, Matrix<Real> latent_bar,
                                  const Matrix<Real>& reconstruction_bar, const Matrix<Real>& corrected_bar,
                                  Precision precision, Autoencoder<Real>* model_bar, bool want_cells_bar = true);

/// Calls visit(name, parameter) for every kernel and bias, in order: "encoder.layer1.kernel", ...,
/// "decoder.layer3.bias".
template <class Real, class Visit>
void for_each_parameter(Autoencoder<Real>& model, const Visit& visit) {
    for_each_parameter(model.encoder,
                       [&](const std::string& name, Matrix<Real>& value) { visit("encoder." + name, value); });
    for_each_parameter(model.decoder,
                       [&](const std::string& name, Matrix<Real>& value) { visit("decoder." + name, value); });
}

/// Which units are active in a pass that kept its tapes.
template <class Real>
std::uint64_t choices(const AutoencoderPass<Real>& pass);

/// The same for every cell alone, as far as its corrected values depend on it.
template <class Real>
std::vector<std::uint64_t> cell_choices(const AutoencoderPass<Real>& pass);

/// Mean over all entries of (reconstruction - cells)^2. Sets `reconstruction_bar` [F x n] to loss_bar times the slope
/// with respect to the reconstruction unless it is nullptr; the slope with respect to the cells is its negative.
template <class Real>
double reconstruction_loss(const Matrix<Real>& reconstruction, const Matrix<Real>& cells,
                           Matrix<Real>* reconstruction_bar = nullptr, double loss_bar = 1.0);

}  // namespace bcbench
