#include "engine/methods/mmd_autoencoder/method.hpp"

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"

namespace bcbench::mmd_autoencoder {

using arma::uword;

namespace {

// What DiffBio compares: the first batch with all others.
mmd::Options loss_options(const Options& options) {
    return {options.mmd_estimator, mmd::Pairs::first_vs_rest, {options.kernel_bandwidth}};
}

}  // namespace

void validate(const Options& options) {
    require_option(options.hidden_dim >= 1, "hidden_dim", options.hidden_dim, "at least 1");
    require_option(options.latent_dim >= 1, "latent_dim", options.latent_dim, "at least 1");
    require_option(options.kernel_bandwidth > 0.0, "kernel_bandwidth", options.kernel_bandwidth, "greater than 0");
}

template <class Real>
Autoencoder<Real> initial_parameters(const Options& options, uword n_features, Stream stream) {
    validate(options);
    return initial_autoencoder<Real>(n_features, static_cast<uword>(options.hidden_dim),
                                     static_cast<uword>(options.latent_dim), stream);
}

template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Autoencoder<Real>& parameters, const Options& options,
                     bool keep_tape) {
    validate(options);
    require_valid(data);
    Result<Real> result;
    result.pass = autoencoder_forward(parameters, data.cells, data.batch, options.precision, keep_tape);
    require_finite(result.pass.corrected(), "a corrected embedding");
    result.reconstruction_loss = reconstruction_loss(result.pass.reconstruction(), data.cells);
    if (data.batch.count() > 1) result.mmd_loss = mmd::loss(result.pass.latent, data.batch, loss_options(options));
    if (keep_tape) result.tape = {options, parameters, data.cells, data.batch};
    return result;
}

template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Adjoint<Real>& adjoint, Autoencoder<Real>* parameters_bar) {
    const Tape<Real>& tape = result.tape;
    Matrix<Real> latent_bar(arma::size(result.pass.latent), arma::fill::zeros);
    if (adjoint.mmd_loss != 0.0 && tape.batch.count() > 1) {
        mmd::loss(result.pass.latent, tape.batch, loss_options(tape.options), &latent_bar, adjoint.mmd_loss);
    }
    Matrix<Real> reconstruction_bar;
    if (adjoint.reconstruction_loss != 0.0) {
        reconstruction_loss(result.pass.reconstruction(), tape.cells, &reconstruction_bar, adjoint.reconstruction_loss);
    }
    Matrix<Real> cells_bar =
        autoencoder_backward(tape.parameters, tape.cells, result.pass, std::move(latent_bar), reconstruction_bar,
                             adjoint.corrected, tape.options.precision, parameters_bar);
    if (!reconstruction_bar.empty()) cells_bar -= reconstruction_bar;  // the loss compares with the cells themselves
    return cells_bar;
}

template <class Real>
std::uint64_t choices(const Result<Real>& result) {
    return with_choice(bcbench::choices(result.pass), result.mmd_loss > 0.0 ? 1 : 0);
}

#define BCBENCH_INSTANTIATE(Real)                                                                        \
    template Autoencoder<Real> initial_parameters<Real>(const Options&, uword, Stream);                  \
    template Result<Real> forward(const Dataset<Real>&, const Autoencoder<Real>&, const Options&, bool); \
    template Matrix<Real> backward(const Result<Real>&, const Adjoint<Real>&, Autoencoder<Real>*);       \
    template std::uint64_t choices(const Result<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::mmd_autoencoder
