#include "experiments/bindings/differentiable.hpp"

#include <memory>

namespace bcbench {

namespace {

using Arrays = std::vector<arma::mat>;

arma::mat scalar(double value) {
    arma::mat one(1, 1);
    one.fill(value);
    return one;
}

// ---- parameters as flat lists of arrays, always encoder, decoder, critic

void append(const Mlp<double>& mlp, Arrays& arrays) {
    for_each_parameter(mlp, [&](const std::string&, const arma::mat& values) { arrays.push_back(values); });
}

void append(const std::string& network, const Mlp<double>& mlp, std::vector<NamedArray<double>>& arrays) {
    for_each_parameter(mlp, [&](const std::string& name, const arma::mat& values) {
        arrays.push_back({network + "." + name, values});
    });
}

// Fills `mlp` from arrays[next], ...; returns the index after the last one used.
std::size_t assign(const Arrays& arrays, std::size_t next, Mlp<double>& mlp) {
    for_each_parameter(mlp, [&](const std::string&, auto& values) { values = arrays.at(next++); });
    return next;
}

std::vector<NamedArray<double>> named_inputs(const arma::mat& cells, const Autoencoder<double>& model) {
    std::vector<NamedArray<double>> inputs = {{"cells", cells}};
    append("encoder", model.encoder, inputs);
    append("decoder", model.decoder, inputs);
    return inputs;
}

Autoencoder<double> model_from(const Arrays& inputs, Autoencoder<double> model) {
    assign(inputs, assign(inputs, 1, model.encoder), model.decoder);
    return model;
}

Arrays bars_of(arma::mat cells_bar, const Autoencoder<double>& model_bar) {
    Arrays bars = {std::move(cells_bar)};
    append(model_bar.encoder, bars);
    append(model_bar.decoder, bars);
    return bars;
}

wgan_autoencoder::Parameters<double> parameters_from(const Arrays& inputs,
                                                     wgan_autoencoder::Parameters<double> parameters) {
    Autoencoder<double>& model = parameters.autoencoder;
    assign(inputs, assign(inputs, assign(inputs, 1, model.encoder), model.decoder), parameters.critic);
    return parameters;
}

Arrays bars_of(arma::mat cells_bar, const wgan_autoencoder::Parameters<double>& parameters_bar) {
    Arrays bars = bars_of(std::move(cells_bar), parameters_bar.autoencoder);
    append(parameters_bar.critic, bars);
    return bars;
}

// ---- outputs

DifferentiableOutput mmd_output(const char* name, double mmd_autoencoder::Result<double>::*loss,
                                double mmd_autoencoder::Adjoint<double>::*loss_bar, const Labels& batch,
                                const Autoencoder<double>& model, const mmd::Options& mmd) {
    return {
        name, [=](const Arrays& inputs) {
            const auto result = std::make_shared<const mmd_autoencoder::Result<double>>(mmd_autoencoder::forward(
                Dataset<double>{inputs.front(), batch, {}}, model_from(inputs, model), mmd, Precision::float64, true));
            return Linearization{scalar((*result).*loss), mmd_autoencoder::choices(*result),
                                 [=](const arma::mat& value_bar) {
                                     mmd_autoencoder::Adjoint<double> adjoint;
                                     adjoint.*loss_bar = arma::as_scalar(value_bar);
                                     Autoencoder<double> model_bar = zeros_like(model);
                                     return bars_of(mmd_autoencoder::backward(*result, adjoint, &model_bar), model_bar);
                                 }};
        }};
}

// The derivative of a loss, from the reverse pass through gradient reversal R = D - C, where D is the derivative of its
// reconstruction term and C that of its critic terms: D + C = 2 D - R, for everything before the reversal.
Arrays without_reversal(const wgan_autoencoder::Result<double>& result,
                        const wgan_autoencoder::Adjoint<double>& adjoint) {
    wgan_autoencoder::Adjoint<double> reconstruction;
    reconstruction.reconstruction_loss = adjoint.reconstruction_loss + adjoint.generator_loss;
    const auto run = [&](const wgan_autoencoder::Adjoint<double>& chosen) {
        auto bar = zeros_like(result.tape.parameters);
        arma::mat cells_bar = wgan_autoencoder::backward(result, chosen, &bar);
        return bars_of(std::move(cells_bar), bar);
    };
    const std::size_t n_before_reversal = 1 + 6;  // cells and encoder
    const Arrays smooth = run(reconstruction);
    Arrays bars = run(adjoint);
    for (std::size_t i = 0; i < n_before_reversal; ++i) bars[i] = 2.0 * smooth[i] - bars[i];
    return bars;
}

DifferentiableOutput wgan_output(const char* name, double wgan_autoencoder::Result<double>::*loss,
                                 double wgan_autoencoder::Adjoint<double>::*loss_bar, const Labels& batch,
                                 const wgan_autoencoder::Parameters<double>& parameters) {
    return {name, [=](const Arrays& inputs) {
                const auto result = std::make_shared<const wgan_autoencoder::Result<double>>(
                    wgan_autoencoder::forward(Dataset<double>{inputs.front(), batch, {}},
                                              parameters_from(inputs, parameters), Precision::float64, true));
                return Linearization{scalar((*result).*loss), wgan_autoencoder::choices(*result),
                                     [=](const arma::mat& value_bar) {
                                         wgan_autoencoder::Adjoint<double> adjoint;
                                         adjoint.*loss_bar = arma::as_scalar(value_bar);
                                         return without_reversal(*result, adjoint);
                                     }};
            }};
}

// The corrected cells alone: no loss is computed. `critic` parameters, which they do not depend on, get zeros.
DifferentiableOutput corrected_output(const Labels& batch, const Autoencoder<double>& parameters,
                                      const Mlp<double>* critic) {
    Arrays unused_bars;
    if (critic != nullptr) append(zeros_like(*critic), unused_bars);
    return {"corrected", [=](const Arrays& inputs) {
                const auto model = std::make_shared<const Autoencoder<double>>(model_from(inputs, parameters));
                const auto pass = std::make_shared<const AutoencoderPass<double>>(
                    autoencoder_forward(*model, inputs.front(), batch, Precision::float64, true));
                return Linearization{
                    pass->corrected(), choices(*pass), [=, cells = inputs.front()](const arma::mat& corrected_bar) {
                        Autoencoder<double> model_bar = zeros_like(*model);
                        arma::mat cells_bar = autoencoder_backward<double>(*model, cells, *pass, {}, {}, corrected_bar,
                                                                           Precision::float64, &model_bar);
                        Arrays bars = bars_of(std::move(cells_bar), model_bar);
                        bars.insert(bars.end(), unused_bars.begin(), unused_bars.end());
                        return bars;
                    }};
            }};
}

}  // namespace

Differentiable differentiable(const Dataset<double>& data) {
    return {{{"cells", data.cells}}, {{"corrected", [](const Arrays& inputs) {
                                           return Linearization{inputs.front(), 0, [](const arma::mat& corrected_bar) {
                                                                    return Arrays{corrected_bar};
                                                                }};
                                       }}}};
}

Differentiable differentiable(const Dataset<double>& data, const differentiable_harmony::Parameters<double>& parameters,
                              const differentiable_harmony::Options& options) {
    namespace harmony = differentiable_harmony;
    const auto corrected = [batch = data.batch, options](const Arrays& inputs) {
        const harmony::Parameters<double> at{inputs[1]};
        const auto result = std::make_shared<const harmony::Result<double>>(
            harmony::forward(Dataset<double>{inputs[0], batch, {}}, at, options, true));
        return Linearization{result->corrected, harmony::choices(result->tape),
                             [result](const arma::mat& corrected_bar) {
                                 harmony::Parameters<double> bar{
                                     arma::mat(arma::size(result->tape.parameters.centroids), arma::fill::zeros)};
                                 arma::mat cells_bar = harmony::backward(result->tape, corrected_bar, &bar);
                                 return Arrays{cells_bar, bar.centroids};
                             }};
    };
    return {{{"cells", data.cells}, {"centroids", parameters.centroids}}, {{"corrected", corrected}}};
}

Differentiable differentiable(const Dataset<double>& data, const Autoencoder<double>& parameters,
                              const mmd::Options& mmd) {
    using Result = mmd_autoencoder::Result<double>;
    using Adjoint = mmd_autoencoder::Adjoint<double>;
    return {named_inputs(data.cells, parameters),
            {corrected_output(data.batch, parameters, nullptr),
             mmd_output("reconstruction_loss", &Result::reconstruction_loss, &Adjoint::reconstruction_loss, data.batch,
                        parameters, mmd),
             mmd_output("mmd_loss", &Result::mmd_loss, &Adjoint::mmd_loss, data.batch, parameters, mmd)}};
}

Differentiable differentiable(const Dataset<double>& data, const wgan_autoencoder::Parameters<double>& parameters) {
    using Result = wgan_autoencoder::Result<double>;
    using Adjoint = wgan_autoencoder::Adjoint<double>;
    Differentiable made{
        named_inputs(data.cells, parameters.autoencoder),
        {corrected_output(data.batch, parameters.autoencoder, &parameters.critic),
         wgan_output("reconstruction_loss", &Result::reconstruction_loss, &Adjoint::reconstruction_loss, data.batch,
                     parameters),
         wgan_output("generator_loss", &Result::generator_loss, &Adjoint::generator_loss, data.batch, parameters),
         wgan_output("discriminator_loss", &Result::discriminator_loss, &Adjoint::discriminator_loss, data.batch,
                     parameters)}};
    append("critic", parameters.critic, made.inputs);
    return made;
}

}  // namespace bcbench
