#include "engine/methods/differentiable_harmony/differentiable.hpp"

#include <memory>

namespace bcbench::differentiable_harmony {

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Parameters<double>& parameters,
                              const Options& options) {
    const auto corrected = [batch, options, parameters](const std::vector<arma::mat>& inputs) {
        const auto result = std::make_shared<const Result<double>>(
            forward(Dataset<double>{inputs.front(), batch, {}}, model_from(inputs, parameters), options, true));
        return Linearization{
            result->corrected, choices(*result),
            [result](const arma::mat& corrected_bar) {
                Parameters<double> bar{arma::mat(arma::size(result->tape.parameters.centroids), arma::fill::zeros)};
                arma::mat cells_bar = backward(*result, corrected_bar, &bar);
                return bars_of(std::move(cells_bar), bar);
            },
            [result] { return cell_choices(*result); }};
    };
    return {inputs_of(cells, parameters), {{"corrected", corrected}}};
}

}  // namespace bcbench::differentiable_harmony
