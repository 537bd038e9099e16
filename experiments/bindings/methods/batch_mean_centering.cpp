// Method `batch_mean_centering`, bound to its parameters.
#include "engine/methods/batch_mean_centering/method.hpp"

#include <memory>

#include "engine/reference/baselines.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::methods {

namespace {

namespace method = bcbench::batch_mean_centering;

constexpr Field<method::Options> fields[] = {
    field<&method::Options::keep_overall_mean>("keep_overall_mean", any_value(),
                                               "move batches to the mean of all cells; false: to the origin"),
};

Differentiable differentiable(const arma::mat& cells, const Labels& batch, const method::Options& options) {
    const auto corrected = [batch, options](const std::vector<arma::mat>& inputs) {
        const auto result =
            std::make_shared<const method::Result<double>>(method::forward(inputs.front(), batch, options, true));
        return Linearization{result->corrected, 0, [result](const arma::mat& corrected_bar) {
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
    fit.reference = [data, options] {
        return ReferenceFit{
            reference::batch_mean_centering(in_double(data->cells), data->batch, options.keep_overall_mean), {}, {}};
    };
    return fit;
}

}  // namespace

MethodDefinition batch_mean_centering() {
    MethodDefinition method{"batch_mean_centering", "every batch moved so that its mean is the mean of all cells",
                            "The cheapest correction: it removes a shift that all cells of a batch share, and biology "
                            "with it wherever batches hold the types in different proportions."};
    method.parameters = [] { return parameters_of(fields); };
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
