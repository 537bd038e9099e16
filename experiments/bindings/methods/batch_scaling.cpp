// Method `batch_scaling`, bound to its parameters.
#include "engine/methods/batch_scaling/method.hpp"

#include <memory>

#include "engine/reference/baselines.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

namespace {

namespace method = bcbench::batch_scaling;

constexpr Field<method::Options> fields[] = {
    field<&method::Options::keep_overall>(
        "keep_overall", any_value(),
        "bring the scores back to the overall mean and the pooled deviation of each feature"),
};

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const method::Options& options) {
    const auto corrected = [batch, options](const std::vector<arma::mat>& inputs) {
        const auto result =
            std::make_shared<const method::Result<double>>(method::forward(inputs.front(), batch, options, true));
        return Linearization{result->corrected, method::choices(*result), [result](const arma::mat& corrected_bar) {
                                 return std::vector<arma::mat>{method::backward(*result, corrected_bar)};
                             }};
    };
    return {{{"cells", cells}}, {{"corrected", corrected}}};
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const auto options = options_from(fields, settings.params);
    auto result = method::forward(data->cells, data->batch, options);
    Fit<Real> fit;
    fit.corrected = std::move(result.corrected);
    fit.notes = std::move(result.notes);
    fit.backward = [data, options](const Matrix<Real>& corrected_bar) {
        return method::backward(method::forward(data->cells, data->batch, options, true), corrected_bar);
    };
    fit.differentiable = [data, options] { return differentiable(in_double(data->cells), data->batch, options); };
    // The reference knows no feature that is constant within a batch; where there is one, the notes say so.
    if (fit.notes.empty()) {
        fit.reference = [data, options] {
            return ReferenceFit{
                reference::batch_scaling(in_double(data->cells), data->batch, options.keep_overall), {}, {}};
        };
    }
    return fit;
}

}  // namespace

MethodDefinition batch_scaling() {
    MethodDefinition method{
        "batch_scaling", "the z-score of every feature within every batch",
        "Removes a shift and a stretch that all cells of a batch share, and the differences in size between features "
        "unless keep_overall is set: of principal components it makes noise as loud as signal."};
    method.parameters = [] { return parameters_of(fields); };
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
