#include "engine/methods/wgan_autoencoder/differentiable.hpp"

#include <memory>

#include "engine/networks/corrected_output.hpp"

namespace bcbench::wgan_autoencoder {

namespace {

using Arrays = std::vector<arma::mat>;

// The derivative of a loss, from the reverse pass through gradient reversal R = D - C, where D is the derivative of its
// reconstruction term and C that of its critic terms: D + C = 2 D - R, for everything before the reversal.
Arrays without_reversal(const Result<double>& result, const Adjoint<double>& adjoint) {
    Adjoint<double> reconstruction;
    reconstruction.reconstruction_loss = adjoint.reconstruction_loss + adjoint.generator_loss;
    const auto run = [&](const Adjoint<double>& chosen) {
        Parameters<double> bar = zeros_like(result.tape.parameters);
        arma::mat cells_bar = backward(result, chosen, &bar);
        return bars_of(std::move(cells_bar), bar);
    };
    std::size_t n_before_reversal = 1;  // the cells, and the encoder's parameters
    Mlp<double> encoder = result.tape.parameters.autoencoder.encoder;
    for_each_parameter(encoder, [&](const std::string&, const arma::mat&) { ++n_before_reversal; });
    const Arrays smooth = run(reconstruction);
    Arrays bars = run(adjoint);
    for (std::size_t i = 0; i < n_before_reversal; ++i) bars[i] = 2.0 * smooth[i] - bars[i];
    return bars;
}

DifferentiableOutput loss_output(const char* name, double Result<double>::*loss, double Adjoint<double>::*loss_bar,
                                 const Labels& batch, const Parameters<double>& parameters, const Options& options) {
    return {name, [=](const Arrays& inputs) {
                const auto result = std::make_shared<const Result<double>>(
                    forward(Dataset<double>{inputs.front(), batch, {}}, model_from(inputs, parameters), options, true));
                return Linearization{scalar((*result).*loss), choices(*result), [=](const arma::mat& value_bar) {
                                         Adjoint<double> adjoint;
                                         adjoint.*loss_bar = arma::as_scalar(value_bar);
                                         return without_reversal(*result, adjoint);
                                     }};
            }};
}

}  // namespace

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Parameters<double>& parameters,
                              const Options& options) {
    using R = Result<double>;
    using A = Adjoint<double>;
    Arrays no_critic;
    Mlp<double> critic = zeros_like(parameters.critic);
    for_each_parameter(critic, [&](const std::string&, const arma::mat& values) { no_critic.push_back(values); });
    return {inputs_of(cells, parameters),
            {corrected_output(batch, parameters.autoencoder, std::move(no_critic)),
             loss_output("reconstruction_loss", &R::reconstruction_loss, &A::reconstruction_loss, batch, parameters,
                         options),
             loss_output("generator_loss", &R::generator_loss, &A::generator_loss, batch, parameters, options),
             loss_output("discriminator_loss", &R::discriminator_loss, &A::discriminator_loss, batch, parameters,
                         options)}};
}

}  // namespace bcbench::wgan_autoencoder
