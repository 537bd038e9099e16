#include "engine/methods/wgan_autoencoder/method.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"

namespace bcbench::wgan_autoencoder {

using arma::uword;

namespace {

// Cells of batch 0 and of all others, each at least 1 so that it can divide a sum.
struct Counts {
    double real = 1.0;
    double fake = 1.0;
};

Counts count_cells(const Labels& batch) {
    const auto n_real = static_cast<double>(std::count(batch.code.begin(), batch.code.end(), 0U));
    return {std::max(n_real, 1.0), std::max(static_cast<double>(batch.code.size()) - n_real, 1.0)};
}

}  // namespace

void validate(const Options& options) {
    require_option(options.hidden_dim >= 1, "hidden_dim", options.hidden_dim, "at least 1");
    require_option(options.latent_dim >= 1, "latent_dim", options.latent_dim, "at least 1");
    require_option(options.discriminator_hidden_dim >= 1, "discriminator_hidden_dim", options.discriminator_hidden_dim,
                   "at least 1");
}

template <class Real>
Parameters<Real> initial_parameters(const Options& options, uword n_features, Stream stream) {
    validate(options);
    const auto n_latent = static_cast<uword>(options.latent_dim);
    Parameters<Real> parameters;
    parameters.autoencoder =
        initial_autoencoder<Real>(n_features, static_cast<uword>(options.hidden_dim), n_latent, stream);
    parameters.critic = initial_mlp<Real>(n_latent, static_cast<uword>(options.discriminator_hidden_dim), 1, stream);
    return parameters;
}

template <class Real>
Parameters<Real> zeros_like(const Parameters<Real>& parameters) {
    return {bcbench::zeros_like(parameters.autoencoder), bcbench::zeros_like(parameters.critic)};
}

template <class Real>
Scores<Real> score(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch, Precision precision,
                   bool keep_tape) {
    Scores<Real> result;
    result.scores = mlp_forward(critic, latent, precision, keep_tape ? &result.tape : nullptr);
    for (uword i = 0; i < latent.n_cols; ++i) {
        (batch.code[i] == 0 ? result.real : result.fake) += static_cast<double>(result.scores(0, i));
    }
    const Counts counts = count_cells(batch);
    result.real /= counts.real;
    result.fake /= counts.fake;
    return result;
}

template <class Real>
Matrix<Real> score_backward(const Mlp<Real>& critic, const Matrix<Real>& latent, const Labels& batch,
                            const Scores<Real>& scores, double real_bar, double fake_bar, Precision precision,
                            Mlp<Real>* critic_bar) {
    const Counts counts = count_cells(batch);
    Matrix<Real> scores_bar(1, latent.n_cols);
    for (uword i = 0; i < latent.n_cols; ++i) {
        scores_bar(0, i) = static_cast<Real>(batch.code[i] == 0 ? real_bar / counts.real : fake_bar / counts.fake);
    }
    return mlp_backward(critic, latent, scores.tape, scores_bar, precision, critic_bar);
}

namespace {

template <class Real>
Result<Real> pass_of(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                     bool keep_tape) {
    validate(options);
    require_valid(data);
    Result<Real> result;
    result.pass = autoencoder_forward(parameters.autoencoder, data.cells, data.batch, options.precision, keep_tape);
    result.scores = score(parameters.critic, result.pass.latent, data.batch, options.precision, keep_tape);
    return result;
}

template <class Real>
void add_losses(double reconstruction, Result<Real>& result) {
    result.reconstruction_loss = reconstruction;
    result.generator_loss = -result.scores.fake + reconstruction;
    result.discriminator_loss = result.scores.fake - result.scores.real;
}

// `reconstruction_bar` is the adjoint of the reconstruction through its loss, empty for none.
template <class Real>
Matrix<Real> pass_backward(const Parameters<Real>& parameters, const Matrix<Real>& cells, const Labels& batch,
                           Precision precision, const Result<Real>& result, const Adjoint<Real>& adjoint,
                           const Matrix<Real>& reconstruction_bar, Parameters<Real>* parameters_bar,
                           bool want_cells_bar) {
    const double fake_bar = adjoint.discriminator_loss - adjoint.generator_loss;
    const double real_bar = -adjoint.discriminator_loss;
    Matrix<Real> latent_bar;
    if (fake_bar != 0.0 || real_bar != 0.0) {
        latent_bar = -score_backward(parameters.critic, result.pass.latent, batch, result.scores, real_bar, fake_bar,
                                     precision, parameters_bar != nullptr ? &parameters_bar->critic : nullptr);
    }  // minus: reversed
    Matrix<Real> cells_bar = autoencoder_backward(
        parameters.autoencoder, cells, result.pass, std::move(latent_bar), reconstruction_bar, adjoint.corrected,
        precision, parameters_bar != nullptr ? &parameters_bar->autoencoder : nullptr, want_cells_bar);
    // the loss compares with the cells themselves
    if (want_cells_bar && !reconstruction_bar.empty()) cells_bar -= reconstruction_bar;
    return cells_bar;
}

}  // namespace

template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                     bool keep_tape) {
    Result<Real> result = pass_of(data, parameters, options, keep_tape);
    require_finite(result.pass.corrected(), "a corrected embedding");
    add_losses(reconstruction_loss(result.pass.reconstruction(), data.cells), result);
    if (keep_tape) result.tape = {options, parameters, data.cells, data.batch};
    return result;
}

template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Adjoint<Real>& adjoint, Parameters<Real>* parameters_bar) {
    const Tape<Real>& tape = result.tape;
    const double loss_bar = adjoint.reconstruction_loss + adjoint.generator_loss;
    Matrix<Real> reconstruction_bar;
    if (loss_bar != 0.0) {
        reconstruction_loss(result.pass.reconstruction(), tape.cells, &reconstruction_bar, loss_bar);
    }
    return pass_backward(tape.parameters, tape.cells, tape.batch, tape.options.precision, result, adjoint,
                         reconstruction_bar, parameters_bar, true);
}

template <class Real>
Result<Real> forward_and_backward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                                  const Adjoint<Real>& adjoint, Parameters<Real>& parameters_bar) {
    Result<Real> result = pass_of(data, parameters, options, true);
    const double loss_bar = adjoint.reconstruction_loss + adjoint.generator_loss;
    Matrix<Real> reconstruction_bar;
    add_losses(reconstruction_loss(result.pass.reconstruction(), data.cells,
                                   loss_bar != 0.0 ? &reconstruction_bar : nullptr, loss_bar),
               result);
    pass_backward(parameters, data.cells, data.batch, options.precision, result, adjoint, reconstruction_bar,
                  &parameters_bar, false);
    return result;
}

template <class Real>
std::uint64_t choices(const Result<Real>& result) {
    return with_choice(bcbench::choices(result.pass), bcbench::choices(result.scores.tape));
}

#define BCBENCH_INSTANTIATE(Real)                                                                                   \
    template Parameters<Real> initial_parameters<Real>(const Options&, uword, Stream);                              \
    template Parameters<Real> zeros_like(const Parameters<Real>&);                                                  \
    template Scores<Real> score(const Mlp<Real>&, const Matrix<Real>&, const Labels&, Precision, bool);             \
    template Matrix<Real> score_backward(const Mlp<Real>&, const Matrix<Real>&, const Labels&, const Scores<Real>&, \
                                         double, double, Precision, Mlp<Real>*);                                    \
    template Result<Real> forward(const Dataset<Real>&, const Parameters<Real>&, const Options&, bool);             \
    template Matrix<Real> backward(const Result<Real>&, const Adjoint<Real>&, Parameters<Real>*);                   \
    template Result<Real> forward_and_backward(const Dataset<Real>&, const Parameters<Real>&, const Options&,       \
                                               const Adjoint<Real>&, Parameters<Real>&);                            \
    template std::uint64_t choices(const Result<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::wgan_autoencoder
