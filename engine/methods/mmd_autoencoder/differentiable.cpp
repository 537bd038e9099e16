#include "engine/methods/mmd_autoencoder/differentiable.hpp"

#include <memory>

#include "engine/networks/corrected_output.hpp"

namespace bcbench::mmd_autoencoder {

namespace {

DifferentiableOutput loss_output(const char* name, double Result<double>::*loss, double Adjoint<double>::*loss_bar,
                                 const Labels& batch, const Autoencoder<double>& model, const Options& options) {
    return {name, [=](const std::vector<arma::mat>& inputs) {
                const auto result = std::make_shared<const Result<double>>(
                    forward(Dataset<double>{inputs.front(), batch, {}}, model_from(inputs, model), options, true));
                return Linearization{scalar((*result).*loss), choices(*result), [=](const arma::mat& value_bar) {
                                         Adjoint<double> adjoint;
                                         adjoint.*loss_bar = arma::as_scalar(value_bar);
                                         Autoencoder<double> model_bar = zeros_like(model);
                                         arma::mat cells_bar = backward(*result, adjoint, &model_bar);
                                         return bars_of(std::move(cells_bar), model_bar);
                                     }};
            }};
}

}  // namespace

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Autoencoder<double>& parameters,
                              const Options& options) {
    return {
        inputs_of(cells, parameters),
        {corrected_output(batch, parameters, {}),
         loss_output("reconstruction_loss", &Result<double>::reconstruction_loss, &Adjoint<double>::reconstruction_loss,
                     batch, parameters, options),
         loss_output("mmd_loss", &Result<double>::mmd_loss, &Adjoint<double>::mmd_loss, batch, parameters, options)}};
}

}  // namespace bcbench::mmd_autoencoder
