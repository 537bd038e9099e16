// WGAN autoencoder: a critic scores the latent cells, and the encoder sees its gradient reversed (Ganin et al. 2016),
// so that batch 0 (real) and the other batches (fake) become alike. After DiffBio's batch correction example;
// Wasserstein losses of Arjovsky et al. 2017.
//   z = encoder(x),  corrected = decoder(z),  s = critic(reverse(z)),  reverse: identity forward, -1 backward
//   real = mean s over batch 0,  fake = mean s over all other cells (each over max(count, 1))
//   generator_loss = -fake + reconstruction_loss,  discriminator_loss = fake - real
// Differentiated through everything; the reversal makes the encoder's gradient of the critic terms minus the
// derivative.
#pragma once

#include <cstdint>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/networks/autoencoder.hpp"

namespace bcbench::wgan_autoencoder {

struct Options {
    /// Units of each hidden layer of encoder and decoder; more fit finer structure and cost quadratically more.
    std::int64_t hidden_dim = 128;
    /// Dimensions of the latent space; more keep more of the input, the batch included.
    std::int64_t latent_dim = 64;
    /// Units of each hidden layer of the critic; more tell batches apart more finely.
    std::int64_t discriminator_hidden_dim = 64;
    /// Arithmetic of the dense layers' products.
    Precision precision = Precision::float64;
};

void validate(const Options& options);

template <class Real>
struct Parameters {
    Autoencoder<Real> autoencoder;
    Mlp<Real> critic;  // L -> D -> D -> 1
};

/// The model drawn from `stream`: encoder layers 1-3, decoder layers 1-3, critic layers 1-3.
template <class Real>
Parameters<Real> initial_parameters(const Options& options, arma::uword n_features, Stream stream);

/// Calls visit(name, parameter) for every kernel and bias: those of the autoencoder, then "critic.layer1.kernel", ...
template <class Real, class Visit>
void for_each_parameter(Parameters<Real>& parameters, const Visit& visit) {
    for_each_parameter(parameters.autoencoder, visit);
    for_each_parameter(parameters.critic,
                       [&](const std::string& name, Matrix<Real>& value) { visit("critic." + name, value); });
}

template <class Real>
Autoencoder<Real>* autoencoder_in(Parameters<Real>& parameters) {
    return &parameters.autoencoder;
}

template <class Real>
Parameters<double> in_double(const Parameters<Real>& parameters) {
    return {bcbench::in_double(parameters.autoencoder), bcbench::in_double(parameters.critic)};
}

template <class Real>
Parameters<Real> zeros_like(const Parameters<Real>& parameters);

/// Critic scores of latent cells, and their means over batch 0 and over all others.
template <class Real>
struct Scores {
    Matrix<Real> scores;  // [1 x n]
    double real = 0.0;
    double fake = 0.0;
    MlpTape<Real> tape;  // empty unless asked for
};

template <class Real>
Scores<Real> score(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch, Precision precision,
                   bool keep_tape = false);

/// The adjoint of the latent [L x n] for the adjoints of the two means, without reversal; adds the critic's gradients
/// to `critic_bar` unless it is nullptr.
template <class Real>
Matrix<Real> score_backward(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch,
                            const Scores<Real>& scores, double real_bar, double fake_bar, Precision precision,
                            Mlp<Real>* critic_bar);

template <class Real>
struct Tape {
    Options options;
    Parameters<Real> parameters;
    Matrix<Real> cells;  // [F x n]
    Labels batch;
};

template <class Real>
struct Result {
    AutoencoderPass<Real> pass;  // corrected cells [F x n], latent [L x n]
    Scores<Real> scores;
    double reconstruction_loss = 0.0;
    double generator_loss = 0.0;
    double discriminator_loss = 0.0;
    Tape<Real> tape;  // empty unless asked for
};

/// Adjoints of the results: of the corrected cells [F x n] (empty: zero) and of each loss.
template <class Real>
struct Adjoint {
    Matrix<Real> corrected;
    double reconstruction_loss = 0.0;
    double generator_loss = 0.0;
    double discriminator_loss = 0.0;
};

/// Encodes, decodes and scores `data`. Throws std::invalid_argument on bad options or shapes, NumericalError if the
/// result is not finite.
template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                     bool keep_tape = false);

/// The adjoint of the input cells [F x n]; adds the parameters' gradients to `parameters_bar` unless it is nullptr.
template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Adjoint<Real>& adjoint, Parameters<Real>* parameters_bar);

/// Both at once, for callers that keep data and parameters themselves: the result, without a tape, and the parameters'
/// gradients. What is not finite shows in the losses.
template <class Real>
Result<Real> forward_and_backward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                                  const Adjoint<Real>& adjoint, Parameters<Real>& parameters_bar);

/// The active units of encoder, decoder and critic in a pass that kept its tapes.
template <class Real>
std::uint64_t choices(const Result<Real>& result);

}  // namespace bcbench::wgan_autoencoder
