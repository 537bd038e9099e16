#include "engine/networks/corrected_output.hpp"

#include <memory>

namespace bcbench {

DifferentiableOutput corrected_output(const Labels& batch, const Autoencoder<double>& model,
                                      std::vector<arma::mat> unused) {
    return {"corrected", [batch, model, unused = std::move(unused)](const std::vector<arma::mat>& inputs) {
                const auto at = std::make_shared<const Autoencoder<double>>(model_from(inputs, model));
                const auto pass = std::make_shared<const AutoencoderPass<double>>(
                    autoencoder_forward(*at, inputs.front(), batch, Precision::float64, true));
                return Linearization{pass->corrected(), choices(*pass),
                                     [at, pass, unused, cells = inputs.front()](const arma::mat& corrected_bar) {
                                         Autoencoder<double> model_bar = zeros_like(*at);
                                         arma::mat cells_bar = autoencoder_backward<double>(
                                             *at, cells, *pass, {}, {}, corrected_bar, Precision::float64, &model_bar);
                                         std::vector<arma::mat> bars = bars_of(std::move(cells_bar), model_bar);
                                         bars.insert(bars.end(), unused.begin(), unused.end());
                                         return bars;
                                     },
                                     [pass] { return cell_choices(*pass); }};
            }};
}

}  // namespace bcbench
