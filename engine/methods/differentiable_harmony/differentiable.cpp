#include "engine/methods/differentiable_harmony/differentiable.hpp"

#include <memory>

namespace bcbench::differentiable_harmony {

namespace {

// The tape of ten iterations is eleven times the cells, and differences want the value and the choices alone: it is
// made for the first reverse pass.
struct Point {
    Dataset<double> data;
    Parameters<double> parameters;
    Result<double> taped = {};
};

}  // namespace

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const Parameters<double>& parameters,
                              const Options& options) {
    const auto corrected = [batch, options, parameters](const std::vector<arma::mat>& inputs) {
        const auto at =
            std::make_shared<Point>(Point{Dataset<double>{inputs.front(), batch, {}}, model_from(inputs, parameters)});
        Result<double> result = forward(at->data, at->parameters, options, false, true);
        const std::uint64_t signature = choices(result);
        return Linearization{
            std::move(result.corrected), signature,
            [at, options](const arma::mat& corrected_bar) {
                if (at->taped.tape.steps.empty()) at->taped = forward(at->data, at->parameters, options, true);
                Parameters<double> bar{arma::mat(arma::size(at->parameters.centroids), arma::fill::zeros)};
                arma::mat cells_bar = backward(at->taped, corrected_bar, &bar);
                return bars_of(std::move(cells_bar), bar);
            },
            [of_cells = std::move(result.cell_choices)] { return of_cells; }};
    };
    return {inputs_of(cells, parameters), {{"corrected", corrected}}};
}

}  // namespace bcbench::differentiable_harmony
