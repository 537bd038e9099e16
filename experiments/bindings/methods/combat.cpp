// Method `combat`, bound to its parameters.
#include "engine/methods/combat/method.hpp"

#include "engine/reference/baselines.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace method = bcbench::combat;

struct Settings : method::Options {
    std::vector<std::string> covariates;
};

constexpr Field<Settings> fields[] = {
    field<&Settings::covariates, Settings>("covariates", any_value(), "label columns whose differences are kept"),
    field<&Settings::keep_types, Settings>("keep_types", any_value(), "keep the differences between cell types"),
    field<&Settings::mean_only, Settings>("mean_only", any_value(),
                                          "adjust the means of batches only, not their spreads"),
    field<&Settings::tolerance, Settings>(
        "tolerance", above(0), "the turns end when nothing changes by a larger share; smaller is more exact"),
    field<&Settings::max_iterations, Settings>("max_iterations", at_least(1),
                                               "turns after which a batch that has not settled is an error"),
};

std::vector<ParameterFault> faults(const json& params, const json&, const DataShape*) {
    std::vector<ParameterFault> found;
    add_faults("params", found, [&] { method::validate(options_from(fields, params)); });
    return found;
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const Settings options = options_from(fields, settings.params);
    std::vector<Labels> covariates;
    for (const std::string& name : options.covariates) {
        const Labels* column = find_column(*data, name);
        if (column == nullptr) throw std::invalid_argument("the dataset has no label column '" + name + "'");
        covariates.push_back(*column);
    }
    if (options.keep_types) {
        if (data->type.empty()) throw std::invalid_argument("keep_types needs cell types, the dataset has none");
        covariates.push_back(data->type);
    }
    method::Result<Real> result = method::forward(data->cells, data->batch, covariates, options);
    Fit<Real> fit;
    fit.corrected = std::move(result.corrected);
    fit.notes = std::move(result.notes);
    if (settings.keeps_arrays) {
        fit.by_products = {{"location", npy::from_matrix(result.location)}, {"scale", npy::from_matrix(result.scale)}};
    }
    // The reference knows no feature or batch that cannot be estimated; where there is one, the notes say so.
    if (fit.notes.empty()) {
        fit.reference = [data, covariates, options] {
            return ReferenceFit{reference::combat(in_double(data->cells), data->batch, covariates,
                                                  {options.mean_only, options.tolerance}),
                                {},
                                {}};
        };
    }
    return fit;
}

}  // namespace

MethodDefinition combat() {
    MethodDefinition method{
        "combat", "ComBat: a location and a scale per batch and feature, shrunk towards what the features share",
        "Johnson, Li and Rabinovic 2007, parametric empirical Bayes. It fails where batches hold types in different "
        "proportions and no covariate says so: the difference between the types is then taken for the batch's. A batch "
        "of one cell has its location adjusted only, a feature without spread within batches comes out as its fit "
        "without the batch; outputs.notes says where."};
    method.parameters = [] { return parameters_of(fields); };
    method.faults = faults;
    method.differentiable = false;
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
