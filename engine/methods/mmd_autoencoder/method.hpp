// MMD autoencoder: the latent space of an autoencoder, with the maximum mean discrepancy between batches as its loss
// of mixing. After DiffBio's batch correction example (cf. Shaham et al. 2017, removal of batch effects by MMD-ResNet).
//   z = encoder(x),  corrected = decoder(z)
//   reconstruction_loss = mean (corrected - x)^2,  mmd_loss = sqrt(max(E k(a,a) + E k(b,b) - 2 E k(a,b), 0))
// with an estimator of E to choose (engine/kernels/mmd.hpp).
// Differentiated through everything; ReLU and the root have slope 0 at 0. Cost: the dense layers, and n^2 L for the
// MMD.
#pragma once

#include <cstdint>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/kernels/mmd.hpp"
#include "engine/networks/autoencoder.hpp"

namespace bcbench::mmd_autoencoder {

struct Options {
    /// Units of each hidden layer; more fit finer structure and cost quadratically more.
    std::int64_t hidden_dim = 128;
    /// Dimensions of the latent space; more keep more of the input, the batch included.
    std::int64_t latent_dim = 64;
    /// Bandwidth of the Gaussian kernel, in units of the latent space; larger compares coarser structure.
    double kernel_bandwidth = 1.0;
    /// What E of mmd_loss is: `masked` as DiffBio's page prints it, `masked_unbiased` as DiffBio 0.1.0 computes it, or
    /// one of the ordinary estimators of the two groups.
    mmd::Estimator mmd_estimator = mmd::Estimator::masked;
    /// Arithmetic of the dense layers' products.
    Precision precision = Precision::float64;
};

void validate(const Options& options);

/// The model drawn from `stream`: encoder layers 1-3, then decoder layers 1-3.
template <class Real>
Autoencoder<Real> initial_parameters(const Options& options, arma::uword n_features, Stream stream);

template <class Real>
struct Tape {
    Options options;
    Autoencoder<Real> parameters;
    Matrix<Real> cells;  // [F x n]
    Labels batch;
};

template <class Real>
struct Result {
    AutoencoderPass<Real> pass;  // corrected cells [F x n], latent [L x n]
    double reconstruction_loss = 0.0;
    double mmd_loss = 0.0;  // 0 for a single batch, where it has no meaning
    Tape<Real> tape;        // empty unless asked for
};

/// Adjoints of the results: of the corrected cells [F x n] (empty: zero) and of each loss.
template <class Real>
struct Adjoint {
    Matrix<Real> corrected;
    double reconstruction_loss = 0.0;
    double mmd_loss = 0.0;
};

/// Encodes and decodes `data`. Throws std::invalid_argument on bad options or shapes, NumericalError if the result is
/// not finite.
template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Autoencoder<Real>& parameters, const Options& options,
                     bool keep_tape = false);

/// The adjoint of the input cells [F x n]; adds the parameters' gradients to `parameters_bar` unless it is nullptr.
template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Adjoint<Real>& adjoint, Autoencoder<Real>* parameters_bar);

/// The active units of a pass that kept its tape, and whether the MMD is above 0, where its root has a slope.
template <class Real>
std::uint64_t choices(const Result<Real>& result);

}  // namespace bcbench::mmd_autoencoder
