// Method `differentiable_harmony` and its training, bound to their parameters.
#include "engine/methods/differentiable_harmony/differentiable.hpp"
#include "engine/methods/differentiable_harmony/train.hpp"
#include "engine/reference/methods.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace harmony = bcbench::differentiable_harmony;

constexpr Field<harmony::Options> fields[] = {
    field<&harmony::Options::n_clusters>("n_clusters", at_least(1),
                                         "soft clusters; more follow finer structure and cost proportionally more"),
    field<&harmony::Options::n_iterations>(
        "n_iterations", at_least(1),
        "correction steps; each moves a cell by 5 to 20 % of its distance to its soft centroid"),
    field<&harmony::Options::theta>(
        "theta", at_least(0),
        "diversity penalty of the original Harmony; recorded, but does not enter this computation"),
    field<&harmony::Options::sigma>("sigma", above(0),
                                    "width of the soft assignment; larger spreads a cell over more clusters"),
    field<&harmony::Options::temperature>("temperature", above(0),
                                          "multiplies sigma; larger softens assignments and gradients"),
    field<&harmony::Options::recompute>(
        "recompute", any_value(),
        "recompute iterations in the reverse pass instead of storing them all: less memory, same values"),
};

// Of an assignment to the cell's entries. With s = 1 / (sigma temperature), dA_k = A_k sum_j A_j 2 s (c_k - c_j).dy,
// which is at most A_k (1 - A_k) 2 s max ||c_k - c_j||_1 |dy| <= s / 2 * 2 max ||c_k - mean||_1 |dy|.
double assignment_sensitivity(const arma::mat& centroids, const harmony::Options& options) {
    const arma::mat from_mean = centroids.each_col() - arma::vec(arma::mean(centroids, 1));
    return arma::sum(arma::abs(from_mean), 0).max() / (options.sigma * options.temperature);
}

constexpr Field<harmony::TrainOptions> train_fields[] = {
    field<&harmony::TrainOptions::mmd_weight>(
        "mmd_weight", at_least(0), "weight of the MMD between batches of corrected cells; larger mixes more"),
    field<&harmony::TrainOptions::mean_weight>(
        "mean_weight", at_least(0), "weight of the squared distance between batch means; larger aligns them more"),
    field<&harmony::TrainOptions::preservation_weight>(
        "preservation_weight", at_least(0),
        "weight of changed distances inside batches; larger keeps more of the input's structure"),
    field<&harmony::TrainOptions::start>("start", any_value(),
                                         "centroids at first: random cells, or 0.1 * normal as untrained"),
};

training::Options common_defaults() {
    training::Options options;
    options.learning_rate = 0.03;
    options.steps = 500;
    return options;
}

harmony::TrainOptions train_options(const json& train) {
    harmony::TrainOptions options = options_from(train_fields, train);
    options.kernel = kernel_options(train);
    return options;
}

std::vector<ParameterFault> faults(const json& params, const json& train, const DataShape* data) {
    std::vector<ParameterFault> found;
    add_faults("params", found, [&] { harmony::validate(options_from(fields, params)); });
    if (train.is_null() || loaded_model(train)) return found;
    const training::Options common = common_options(train, common_defaults());
    add_faults("train", found, [&] { training::validate(common); });
    add_faults("train", found, [&] { harmony::validate(train_options(train)); });
    if (data == nullptr) return found;
    add_data_faults(common, 2, *data, found);
    add_estimator_fault(kernel_options(train).estimator, *data, found);
    return found;
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const auto options = options_from(fields, settings.params);
    Fit<Real> fit;
    const auto train = [&](harmony::Parameters<Real> initial, const training::Observe<Real>& observe) {
        Stream stream(settings.seed);
        stream.next();  // the key of the untrained centroids
        return harmony::train(*data, std::move(initial), options, train_options(settings.train),
                              common_options(settings.train, common_defaults()), stream.next(), observe);
    };
    const harmony::Parameters<Real> parameters = prepared_model(
        "differentiable_harmony", settings,
        [&] { return harmony::initial_parameters<Real>(options, data->cells.n_rows, Stream(settings.seed)); }, fit,
        train);
    fit.corrected = harmony::forward(*data, parameters, options).corrected;
    fit.arrays.push_back({"cluster_assignments", parameters.centroids.n_cols,
                          [parameters, options](const Matrix<Real>& corrected) {
                              return harmony::assignments(corrected, parameters, options);
                          },
                          assignment_sensitivity(in_double(parameters.centroids), options)});
    if (settings.keeps_arrays) fit.by_products["centroids"] = npy::from_matrix(parameters.centroids);
    fit.backward = [data, parameters, options](const Matrix<Real>& corrected_bar) {
        return harmony::backward(harmony::forward(*data, parameters, options, true), corrected_bar,
                                 static_cast<harmony::Parameters<Real>*>(nullptr));
    };
    fit.cell_choices = [data, parameters, options] {
        return harmony::forward(*data, parameters, options, false, true).cell_choices;
    };
    fit.differentiable = [data, parameters, options] {
        return harmony::differentiable(in_double(data->cells), data->batch, in_double(parameters), options);
    };
    fit.reference = [data, parameters, options] {
        reference::HarmonyResult result = reference::differentiable_harmony(
            in_double(data->cells), data->batch, in_double(parameters.centroids),
            {static_cast<int>(options.n_iterations), options.sigma, options.temperature});
        return ReferenceFit{result.corrected, {{"cluster_assignments", result.assignments}}, {}};
    };
    return fit;
}

}  // namespace

MethodDefinition differentiable_harmony() {
    MethodDefinition method{"differentiable_harmony",
                            "soft clustering around fixed centroids and a batch-dependent step towards them",
                            "Harmony (Korsunsky et al. 2019) in the differentiable form of DiffBio. theta is accepted "
                            "and recorded, but the "
                            "documented computation does not use it: changing it changes no value."};
    method.parameters = [] { return parameters_of(fields); };
    method.training = [] {
        return joined({common_training(common_defaults()), parameters_of(train_fields), kernel_training(),
                       model_file_training()});
    };
    method.faults = faults;
    method.small = R"({"n_clusters": 7, "n_iterations": 3})";
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
