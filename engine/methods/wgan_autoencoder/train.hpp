// Training of wgan_autoencoder as a game. With real and fake the mean critic scores of batch 0 and of all other cells:
//   critic       minimises  fake - real,  its parameters clipped to [-clip, clip] after each of n_critic updates, or
//                           fake - real + gradient_penalty * penalty (see gradient_penalty.hpp)
//   autoencoder  minimises  reconstruction_loss + critic_weight * (real - fake)
// (Arjovsky et al. 2017, Algorithm 1; Gulrajani et al. 2017, Algorithm 1). `joint` instead minimises generator_loss +
// discriminator_loss over all parameters at once through the reversed gradient, as the untrained example writes it: the
// sum is reconstruction_loss - real, which the critic lowers without bound. It is offered to show that it diverges.
#pragma once

#include <optional>

#include "engine/core/types.hpp"
#include "engine/methods/wgan_autoencoder/method.hpp"
#include "engine/training/loop.hpp"

namespace bcbench::wgan_autoencoder {

enum class Updates { alternating, joint };
constexpr const char* words_of(Updates) { return "alternating joint"; }

struct TrainOptions {
    Updates updates = Updates::alternating;
    /// Weight of the critic's distance beside the reconstruction loss; larger mixes more and keeps less.
    double critic_weight = 3.0;
    /// Critic updates before each update of the autoencoder; more follow it more closely and cost more.
    std::int64_t n_critic = 10;
    optimizer::Rule critic_optimizer = optimizer::Rule::adam;
    double critic_learning_rate = 1e-2;
    /// Memory of the critic's gradient (adam), momentum (sgd).
    double critic_beta1 = 0.0;
    /// Memory of the critic's squared gradient (adam, rmsprop).
    double critic_beta2 = 0.9;
    /// Weight of the gradient penalty; larger holds the critic's slopes closer to 1. None: clip instead.
    std::optional<double> gradient_penalty = 1.0;
    /// Bound of every critic parameter without a gradient penalty; larger lets the critic tell finer differences.
    /// Clipped critics fall silent or lag behind for some seeds (see configs/trained.json for a setting that works).
    double clip = 0.1;
    bool conditional_decoder = true;
    /// Batch that corrected cells are decoded as, by its place in the dataset's list of batches.
    std::int64_t reference_batch = 0;
};

void validate(const TrainOptions& options);

struct Losses {
    double reconstruction = 0.0;
    double real = 0.0;
    double fake = 0.0;
    double objective = 0.0;  // of the autoencoder
};

/// The autoencoder's objective on `data`; adds its gradient to `model_bar` unless it is nullptr. The critic is
/// constant.
template <class Real>
Losses generator_objective(const Parameters<Real>& parameters, const Dataset<Real>& data, double critic_weight,
                           Precision precision, Autoencoder<Real>* model_bar);

/// The critic's objective, fake - real, on the latent cells [L x n]; adds its gradient to `critic_bar`.
template <class Real>
double critic_objective(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch, Precision precision,
                        Mlp<Real>* critic_bar);

/// Trains `parameters`, first given a conditional decoder if that is asked for; `observe` looks on. Throws
/// std::invalid_argument on bad options, NumericalError if the training diverges.
template <class Real>
training::Trained<Parameters<Real>> train(const Dataset<Real>& data, Parameters<Real> parameters,
                                          const TrainOptions& options, const training::Options& common,
                                          Precision precision, const training::Observe<Real>& observe = {});

}  // namespace bcbench::wgan_autoencoder
