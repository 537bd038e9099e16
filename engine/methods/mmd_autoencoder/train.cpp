#include "engine/methods/mmd_autoencoder/train.hpp"

#include "engine/core/check.hpp"
#include "engine/training/tensors.hpp"

namespace bcbench::mmd_autoencoder {

using training::finite;

void validate(const TrainOptions& options) {
    require_option(options.mmd_weight >= 0.0, "mmd_weight", options.mmd_weight, "at least 0");
}

template <class Real>
Losses objective(const Autoencoder<Real>& model, const Dataset<Real>& data, const training::Kernel& kernel,
                 double mmd_weight, Precision precision, Autoencoder<Real>* model_bar) {
    const bool want_gradient = model_bar != nullptr;
    const AutoencoderPass<Real> pass =
        autoencoder_forward(model, data.cells, data.batch, precision, want_gradient, false);
    Losses losses;
    Matrix<Real> reconstruction_bar;
    losses.reconstruction =
        finite(reconstruction_loss(pass.reconstruction(), data.cells, want_gradient ? &reconstruction_bar : nullptr),
               "reconstruction_loss");
    Matrix<Real> latent_bar(arma::size(pass.latent), arma::fill::zeros);
    if (data.batch.count() > 1) {
        losses.mmd = kernel_loss(pass.latent, data.batch, kernel, want_gradient ? &latent_bar : nullptr, mmd_weight);
    }
    losses.objective = losses.reconstruction + mmd_weight * losses.mmd;
    if (want_gradient) {
        autoencoder_backward(model, data.cells, pass, std::move(latent_bar), reconstruction_bar, Matrix<Real>(),
                             precision, model_bar, false);
    }
    return losses;
}

template <class Real>
double training_step(Autoencoder<Real>& model, const Dataset<Real>& cells, const training::Kernel& kernel,
                     double mmd_weight, Precision precision, const optimizer::Options& options, double rate,
                     Gradient<Real>& gradient) {
    const optimizer::Tensors<Real> gradients = training::tensors_of<Real>(gradient.model_bar);
    optimizer::set_zero(gradients);
    objective(model, cells, kernel, mmd_weight, precision, &gradient.model_bar);
    const double norm = finite(optimizer::norm(gradients), "the gradient");
    optimizer::update(options, rate, training::tensors_of<Real>(model), gradients, gradient.state);
    return norm;
}

template <class Real>
training::Trained<Autoencoder<Real>> train(const Dataset<Real>& data, Autoencoder<Real> model,
                                           const TrainOptions& options, const training::Options& common,
                                           Precision precision, const training::Observe<Real>& observe) {
    require_valid(data);
    validate(options);
    training::require_enough_cells(data.batch, options.kernel.estimator);
    if (options.conditional_decoder) {
        model = with_conditional_decoder(std::move(model), data.batch.count(),
                                         training::batch_code(options.reference_batch, data.batch));
    }
    Gradient<Real> gradient{zeros_like(model), {}};
    const auto update = [&](Autoencoder<Real>& current, training::MiniBatches<Real>& cells, std::int64_t step,
                            double rate) {
        return training_step(current, cells.next(), at_step(options.kernel, step, common.steps), options.mmd_weight,
                             precision, optimizer_of(common), rate * common.learning_rate, gradient);
    };
    const auto losses = [&](const Autoencoder<Real>& current, const Dataset<Real>& cells) {
        const Losses there = objective<Real>(current, cells, options.kernel, options.mmd_weight, precision, nullptr);
        return training::Evaluation{there.objective,
                                    {{"reconstruction_loss", {there.reconstruction}}, {"mmd_loss", {there.mmd}}}};
    };
    const auto corrected = [&](const Autoencoder<Real>& current, const Dataset<Real>& cells) {
        return autoencoder_forward(current, cells.cells, cells.batch, precision, false).corrected();
    };
    return training::run(data, std::move(model), common, update, losses, corrected, observe);
}

#define BCBENCH_INSTANTIATE(Real)                                                                                     \
    template Losses objective(const Autoencoder<Real>&, const Dataset<Real>&, const training::Kernel&, double,        \
                              Precision, Autoencoder<Real>*);                                                         \
    template double training_step(Autoencoder<Real>&, const Dataset<Real>&, const training::Kernel&, double,          \
                                  Precision, const optimizer::Options&, double, Gradient<Real>&);                     \
    template training::Trained<Autoencoder<Real>> train(const Dataset<Real>&, Autoencoder<Real>, const TrainOptions&, \
                                                        const training::Options&, Precision,                          \
                                                        const training::Observe<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::mmd_autoencoder
