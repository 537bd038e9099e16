#include "engine/methods/wgan_autoencoder/train.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/methods/wgan_autoencoder/gradient_penalty.hpp"
#include "engine/training/tensors.hpp"

namespace bcbench::wgan_autoencoder {

using training::finite;
using training::tensors_of;

void validate(const TrainOptions& options) {
    require_option(options.critic_weight >= 0.0, "critic_weight", options.critic_weight, "at least 0");
    require_option(options.n_critic >= 1, "n_critic", options.n_critic, "at least 1");
    require_option(options.critic_learning_rate > 0.0, "critic_learning_rate", options.critic_learning_rate,
                   "greater than 0");
    require_option(options.clip > 0.0, "clip", options.clip, "greater than 0");
    if (options.gradient_penalty) {
        require_option(*options.gradient_penalty > 0.0, "gradient_penalty", *options.gradient_penalty,
                       "greater than 0");
    }
}

template <class Real>
Losses generator_objective(const Parameters<Real>& parameters, const Dataset<Real>& data, double critic_weight,
                           Precision precision, Autoencoder<Real>* model_bar) {
    const bool want_gradient = model_bar != nullptr;
    const Autoencoder<Real>& model = parameters.autoencoder;
    const AutoencoderPass<Real> pass =
        autoencoder_forward(model, data.cells, data.batch, precision, want_gradient, false);
    const Scores<Real> scores = score(parameters.critic, pass.latent, data.batch, precision, want_gradient);
    Losses losses;
    Matrix<Real> reconstruction_bar;
    losses.reconstruction =
        finite(reconstruction_loss(pass.reconstruction(), data.cells, want_gradient ? &reconstruction_bar : nullptr),
               "reconstruction_loss");
    losses.real = finite(scores.real, "the critic's mean score of batch 0");
    losses.fake = finite(scores.fake, "the critic's mean score of the other batches");
    losses.objective = losses.reconstruction + critic_weight * (losses.real - losses.fake);
    if (want_gradient) {
        Matrix<Real> latent_bar = score_backward(parameters.critic, pass.latent, data.batch, scores, critic_weight,
                                                 -critic_weight, precision, static_cast<Mlp<Real>*>(nullptr));
        autoencoder_backward(model, data.cells, pass, std::move(latent_bar), reconstruction_bar, Matrix<Real>(),
                             precision, model_bar, false);
    }
    return losses;
}

template <class Real>
double critic_objective(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch, Precision precision,
                        Mlp<Real>* critic_bar) {
    const Scores<Real> scores = score(critic, latent, batch, precision, true);
    score_backward(critic, latent, batch, scores, -1.0, 1.0, precision, critic_bar);
    return scores.fake - scores.real;
}

namespace {

// The state of a game: both players' gradients and optimisers.
template <class Real>
struct Game {
    const TrainOptions& options;
    const training::Options& common;
    Precision precision;
    Parameters<Real> bar;
    optimizer::State<Real> autoencoder_state{};
    optimizer::State<Real> critic_state{};
    std::uint32_t n_critic_updates = 0;

    optimizer::Options critic_optimizer() const {
        optimizer::Options critic = optimizer_of(common);
        critic.rule = options.critic_optimizer;
        critic.beta1 = options.critic_beta1;
        critic.beta2 = options.critic_beta2;
        return critic;
    }
};

// Whether a mini-batch has cells of batch 0 and of another: without, there is nothing for the critic to tell apart.
bool has_both_sides(const Labels& batch) {
    const auto real = std::count(batch.code.begin(), batch.code.end(), 0U);
    return real > 0 && real < static_cast<std::ptrdiff_t>(batch.code.size());
}

template <class Real>
void update_critic(Game<Real>& game, Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch, double rate) {
    if (!has_both_sides(batch)) return;
    const optimizer::Tensors<Real> parameters = tensors_of<Real>(critic);
    const optimizer::Tensors<Real> gradients = tensors_of<Real>(game.bar.critic);
    optimizer::set_zero(gradients);
    finite(critic_objective(critic, latent, batch, game.precision, &game.bar.critic), "discriminator_loss");
    if (game.options.gradient_penalty) {
        const Key key = fold_in(fold_in(training::training_key(game.common.seed), 2), game.n_critic_updates);
        const Matrix<Real> points = points_between(latent, batch, key);
        finite(gradient_penalty(critic, points, *game.options.gradient_penalty, &game.bar.critic),
               "the gradient penalty");
    }
    optimizer::update(game.critic_optimizer(), rate * game.options.critic_learning_rate, parameters, gradients,
                      game.critic_state);
    if (!game.options.gradient_penalty) optimizer::clip(parameters, game.options.clip);
    ++game.n_critic_updates;
}

// One update of the autoencoder against the critic as it stands; the norm of its gradient.
template <class Real>
double update_autoencoder(Game<Real>& game, Parameters<Real>& current, const Dataset<Real>& cells, double rate) {
    const optimizer::Tensors<Real> gradients = tensors_of<Real>(game.bar.autoencoder);
    optimizer::set_zero(gradients);
    generator_objective(current, cells, game.options.critic_weight, game.precision, &game.bar.autoencoder);
    const double norm = finite(optimizer::norm(gradients), "the gradient");
    optimizer::update(optimizer_of(game.common), rate * game.common.learning_rate,
                      tensors_of<Real>(current.autoencoder), gradients, game.autoencoder_state);
    return norm;
}

// One update of all parameters along the gradient of generator_loss + discriminator_loss, the encoder's share reversed.
template <class Real>
double update_jointly(Game<Real>& game, Parameters<Real>& current, const Dataset<Real>& cells, double rate) {
    const optimizer::Tensors<Real> gradients = tensors_of<Real>(game.bar);
    optimizer::set_zero(gradients);
    Options options;  // the sizes are those of `current`
    options.precision = game.precision;
    const Result<Real> result =
        forward_and_backward(cells, current, options, {Matrix<Real>(), 0.0, 1.0, 1.0}, game.bar);
    finite(result.generator_loss + result.discriminator_loss, "generator_loss + discriminator_loss");
    const double norm = finite(optimizer::norm(gradients), "the gradient");
    optimizer::update(optimizer_of(game.common), rate * game.common.learning_rate, tensors_of<Real>(current), gradients,
                      game.autoencoder_state);
    return norm;
}

}  // namespace

template <class Real>
training::Trained<Parameters<Real>> train(const Dataset<Real>& data, Parameters<Real> parameters,
                                          const TrainOptions& options, const training::Options& common,
                                          Precision precision, const training::Observe<Real>& observe) {
    require_valid(data);
    validate(options);
    require(data.batch.count() > 1, "a critic needs at least two batches to tell apart, the dataset has one");
    if (options.conditional_decoder) {
        parameters.autoencoder = with_conditional_decoder(std::move(parameters.autoencoder), data.batch.count(),
                                                          training::batch_code(options.reference_batch, data.batch));
    }
    Game<Real> game{options, common, precision, zeros_like(parameters)};
    const auto update = [&](Parameters<Real>& current, training::MiniBatches<Real>& batches, std::int64_t,
                            double rate) {
        if (options.updates == Updates::joint) return update_jointly(game, current, batches.next(), rate);
        Matrix<Real> latent;  // of the critic's cells; the encoder stands still meanwhile
        for (std::int64_t i = 0; i < options.n_critic; ++i) {
            const Dataset<Real>& cells = batches.next();
            if (i == 0 || !batches.whole())
                latent = mlp_forward<Real>(current.autoencoder.encoder, cells.cells, precision, nullptr);
            update_critic(game, current.critic, latent, cells.batch, rate);
        }
        return update_autoencoder(game, current, batches.next(), rate);
    };
    const double critic_weight = options.updates == Updates::joint ? 1.0 : options.critic_weight;
    const auto losses = [&](const Parameters<Real>& current, const Dataset<Real>& cells) {
        const Losses there = generator_objective<Real>(current, cells, critic_weight, precision, nullptr);
        return training::Evaluation{there.objective,
                                    {{"reconstruction_loss", {there.reconstruction}},
                                     {"real_score", {there.real}},
                                     {"fake_score", {there.fake}}},
                                    there.reconstruction};
    };
    const auto corrected = [&](const Parameters<Real>& current, const Dataset<Real>& cells) {
        return autoencoder_forward(current.autoencoder, cells.cells, cells.batch, precision, false).corrected();
    };
    return training::run(data, std::move(parameters), common, update, losses, corrected, observe);
}

#define BCBENCH_INSTANTIATE(Real)                                                                                   \
    template Losses generator_objective(const Parameters<Real>&, const Dataset<Real>&, double, Precision,           \
                                        Autoencoder<Real>*);                                                        \
    template double critic_objective(const Mlp<Real>&, const Matrix<Real>&, const Labels&, Precision, Mlp<Real>*);  \
    template training::Trained<Parameters<Real>> train(const Dataset<Real>&, Parameters<Real>, const TrainOptions&, \
                                                       const training::Options&, Precision,                         \
                                                       const training::Observe<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::wgan_autoencoder
