// Training of mmd_autoencoder: minimises  reconstruction_loss + mmd_weight * mmd_loss(latent)  over encoder and
// decoder. With a conditional decoder (engine/networks/autoencoder.hpp) each cell is reconstructed as its own batch, so
// that the latent space need not carry the batch; corrected cells are decoded as the reference batch.
#pragma once

#include "engine/core/types.hpp"
#include "engine/networks/autoencoder.hpp"
#include "engine/training/loop.hpp"
#include "engine/training/mmd_kernel.hpp"

namespace bcbench::mmd_autoencoder {

struct TrainOptions {
    /// Weight of the MMD beside the reconstruction loss; larger mixes more and keeps less.
    double mmd_weight = 10.0;
    training::Kernel kernel;
    bool conditional_decoder = true;
    /// Batch that corrected cells are decoded as, by its place in the dataset's list of batches.
    std::int64_t reference_batch = 0;
};

void validate(const TrainOptions& options);

struct Losses {
    double reconstruction = 0.0;
    double mmd = 0.0;
    double objective = 0.0;
};

/// The objective on `data`; adds its gradient to `model_bar` unless it is nullptr. A dataset of a single batch has no
/// MMD.
template <class Real>
Losses objective(const Autoencoder<Real>& model, const Dataset<Real>& data, const training::Kernel& kernel,
                 double mmd_weight, Precision precision, Autoencoder<Real>* model_bar);

/// What an update leaves for the next one: the memory of its gradient, and the optimiser's state.
template <class Real>
struct Gradient {
    Autoencoder<Real> model_bar;  // shaped as the model
    optimizer::State<Real> state;
};

/// One update of `model` on `cells` at learning rate `rate`. Returns the norm of the gradient; throws NumericalError if
/// it is not finite.
template <class Real>
double training_step(Autoencoder<Real>& model, const Dataset<Real>& cells, const training::Kernel& kernel,
                     double mmd_weight, Precision precision, const optimizer::Options& options, double rate,
                     Gradient<Real>& gradient);

/// Trains `model`, first given a conditional decoder if that is asked for; `observe` looks on. Throws
/// std::invalid_argument on bad options, NumericalError if the training diverges.
template <class Real>
training::Trained<Autoencoder<Real>> train(const Dataset<Real>& data, Autoencoder<Real> model,
                                           const TrainOptions& options, const training::Options& common,
                                           Precision precision, const training::Observe<Real>& observe = {});

}  // namespace bcbench::mmd_autoencoder
