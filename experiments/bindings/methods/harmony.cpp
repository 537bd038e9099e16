// Method `harmony`, bound to its parameters.
#include "engine/methods/harmony/method.hpp"

#include "engine/reference/harmony.hpp"
#include "experiments/bindings/training_fields.hpp"

namespace bcbench::methods {

namespace {

using nlohmann::json;
namespace method = bcbench::harmony;

// The options of the engine, and what only the harness knows: where they come from.
struct Settings : method::Options {
    std::string preset = "none";
    std::vector<std::string> batch_keys;
};

constexpr Field<Settings> fields[] = {
    field<&Settings::preset, Settings>(
        "preset", any_value(),
        "follow a package: its settings stand for every parameter that is left at its default here",
        "none R-2.0.4 harmonypy-2.1 scanpy"),
    field<&Settings::batch_keys, Settings>(
        "batch_keys", any_value(),
        "label columns to correct for, each a covariate; none: the dataset's batch column alone"),
    field<&Settings::variant, Settings>("variant", any_value(),
                                        "harmony2 (2026), or harmony1 as in the paper of 2019, with moving centroids"),
    field<&Settings::n_clusters, Settings>(
        "n_clusters", at_least(1),
        "soft clusters; more correct finer structure and cost more; null: cells / 30, at most 100"),
    field<&Settings::theta, Settings>(
        "theta", at_least(0),
        "diversity penalty: larger mixes batches within clusters more; one number, or one per "
        "covariate or level"),
    field<&Settings::sigma, Settings>("sigma", above(0),
                                      "width of the soft assignment; larger spreads a cell over more clusters"),
    field<&Settings::lambda, Settings>(
        "lambda", above(0),
        "ridge penalty: larger corrects less; one number, or one per covariate or level; null: "
        "alpha times the expected cells (harmony1: 1)"),
    field<&Settings::alpha, Settings>("alpha", above(0),
                                      "strength of the automatic ridge penalty; larger corrects less"),
    field<&Settings::max_iter, Settings>("max_iter", at_least(0), "iterations at most; 0 leaves the cells as they are"),
    field<&Settings::max_iter_cluster, Settings>(
        "max_iter_cluster", at_least(1), "rounds of clustering in an iteration at most; null: 4 (harmony1: 20)"),
    field<&Settings::epsilon_cluster, Settings>(
        "epsilon_cluster", above(0),
        "rounds end when they change the objective by less; larger stops earlier; null: never"),
    field<&Settings::epsilon_harmony, Settings>(
        "epsilon_harmony", above(0),
        "iterations end when the objective falls by less; larger stops earlier; null: never"),
    field<&Settings::block_size, Settings>(
        "block_size", Range{0.0, 1.0, true, false},
        "share of the cells updated at once; smaller follows the penalty more closely and costs more"),
    field<&Settings::tau, Settings>("tau", at_least(0),
                                    "protects small batches from theta; larger protects larger ones; 0: off"),
    field<&Settings::batch_prop_cutoff, Settings>(
        "batch_prop_cutoff", from_to_below(0, 1),
        "a batch with no larger share of its cells in a cluster is not corrected there"),
    field<&Settings::covariate_penalty, Settings>(
        "covariate_penalty", any_value(),
        "how the penalties of several covariates join; sum is what the R package does"),
    field<&Settings::stop_on_increase, Settings>("stop_on_increase", any_value(),
                                                 "an iteration in which the objective rose ends the run"),
    field<&Settings::reference, Settings>("reference", any_value(),
                                          "names of batches that stay where they are; the others move"),
    field<&Settings::lloyd_steps, Settings>(
        "lloyd_steps", at_least(0), "steps of k-means that place the first centroids; more change less and less"),
};

// What the preset sets, but for values that are given otherwise than by default.
Settings settings_from(const json& params) {
    Settings given = options_from(fields, params);
    if (given.preset == "none") return given;
    const Settings defaults{{}, "none", {}};
    Settings made{method::preset(given.preset), given.preset, {}};
    for (const Field<Settings>& each : fields) {
        if (each.get(given) != each.get(defaults)) each.set(each.get(given), made);
    }
    return made;
}

method::Options engine_options(const MethodSettings& settings) {
    method::Options options = settings_from(settings.params);
    options.seed = static_cast<std::int64_t>(settings.seed);
    return options;
}

template <class Real>
std::vector<Labels> covariates_of(const Settings& settings, const Dataset<Real>& data) {
    if (settings.batch_keys.empty()) return {data.batch};
    std::vector<Labels> covariates;
    for (const std::string& key : settings.batch_keys) {
        const Labels* column = find_column(data, key);
        if (column == nullptr) {
            throw std::invalid_argument(
                "batch_keys names the column '" + key +
                "', which the dataset does not have: it knows its batch, its type and its covariates");
        }
        covariates.push_back(*column);
    }
    return covariates;
}

constexpr ScoreRow rows[] = {{"harmony_iterations", Direction::info, Group::iteration},
                             {"harmony_converged", Direction::info, Group::iteration},
                             {"harmony_objective", Direction::info, Group::iteration}};

std::vector<ParameterFault> faults(const json& params, const json&, const DataShape* data) {
    std::vector<ParameterFault> found;
    const Settings settings = settings_from(params);
    add_faults("params", found, [&] { method::validate(settings); });
    if (data == nullptr || !settings.n_clusters) return found;
    std::size_t n_cells = 0;
    for (const std::size_t size : data->batch_sizes) n_cells += size;
    if (static_cast<std::size_t>(*settings.n_clusters) > n_cells) {
        found.push_back({"params", "n_clusters",
                         "is " + std::to_string(*settings.n_clusters) + ", must be at most the number of cells (" +
                             std::to_string(n_cells) + ")"});
    }
    return found;
}

// One value for all levels, one per covariate or one per level, as one per level.
std::vector<double> per_level(const std::vector<double>& values, const std::vector<method::Level>& levels,
                              std::size_t n_covariates) {
    std::vector<double> all;
    for (std::size_t b = 0; b < levels.size(); ++b) {
        all.push_back(values[values.size() == 1 ? 0 : values.size() == n_covariates ? levels[b].covariate : b]);
    }
    return all;
}

// The slow reference of a fit, from the same seed cells and the same blocks.
template <class Real>
reference::RealHarmonyOptions reference_options(const method::Options& options, const method::Result<Real>& fitted,
                                                std::size_t n_cells, std::size_t n_covariates) {
    reference::RealHarmonyOptions slow;
    slow.first_version = options.variant == method::Variant::harmony1;
    slow.n_clusters = fitted.sigma.size();
    slow.theta = fitted.theta;  // after tau
    slow.sigma = fitted.sigma;
    if (options.lambda) slow.lambda = per_level(*options.lambda, fitted.levels, n_covariates);
    slow.alpha = options.alpha;
    slow.max_iter = static_cast<int>(options.max_iter);
    slow.max_rounds = static_cast<int>(options.max_iter_cluster.value_or(slow.first_version ? 20 : 4));
    slow.epsilon_cluster = options.epsilon_cluster;
    slow.epsilon_harmony = options.epsilon_harmony;
    slow.block_size = n_cells < 40 ? std::max(options.block_size, 0.2) : options.block_size;
    slow.batch_prop_cutoff = options.batch_prop_cutoff;
    slow.sum_of_penalties = options.covariate_penalty == method::CovariatePenalty::sum;
    slow.stop_on_increase = options.stop_on_increase;
    for (std::size_t b = 0; b < fitted.levels.size(); ++b) {
        const auto& names = options.reference;
        if (std::find(names.begin(), names.end(), fitted.levels[b].name) != names.end()) slow.reference.push_back(b);
    }
    slow.lloyd_steps = static_cast<int>(options.lloyd_steps);
    slow.seed = static_cast<std::uint64_t>(options.seed);
    slow.seeds = fitted.seeds;
    return slow;
}

// ---- a reference that new cells are mapped onto

constexpr std::int64_t model_version = 1;

template <class Real>
npy::NamedArrays arrays_of(const method::Result<Real>& fitted) {
    const method::Model model = method::model_of(fitted);
    npy::NamedArrays arrays;
    arrays["method.harmony"] = {{1}, std::vector<std::int64_t>{model_version}};
    arrays["centroids"] = npy::from_matrix(model.centroids);
    arrays["sigma"] = {{model.sigma.size()}, model.sigma};
    arrays["cluster_weight"] = {{model.cluster_weight.n_elem},
                                arma::conv_to<std::vector<double>>::from(model.cluster_weight)};
    arrays["cluster_sum"] = npy::from_matrix(model.cluster_sum);
    return arrays;
}

arma::mat matrix_in(const npy::NamedArrays& arrays, const std::string& name, std::size_t n_rows, std::size_t n_columns,
                    const std::string& origin) {
    const auto found = arrays.find(name);
    const auto* values = found == arrays.end() ? nullptr : std::get_if<std::vector<double>>(&found->second.values);
    if (values == nullptr || values->size() != n_rows * n_columns) {
        throw DataError(origin + ": " + name + " must hold " + std::to_string(n_columns) + " x " +
                        std::to_string(n_rows) + " float64 numbers for these data");
    }
    return arma::mat(values->data(), n_rows, n_columns);
}

method::Model model_from(const npy::NamedArrays& arrays, std::size_t n_features, const std::string& origin) {
    model_file::require_method("harmony", arrays, origin);
    const auto sigma = arrays.find("sigma");
    if (sigma == arrays.end() || sigma->second.shape.size() != 1) throw DataError(origin + " has no list sigma");
    const std::size_t k = sigma->second.shape.front();
    method::Model model;
    model.centroids = matrix_in(arrays, "centroids", n_features, k, origin);
    model.sigma = arma::conv_to<std::vector<double>>::from(arma::vectorise(matrix_in(arrays, "sigma", 1, k, origin)));
    model.cluster_weight = arma::vectorise(matrix_in(arrays, "cluster_weight", 1, k, origin));
    model.cluster_sum = matrix_in(arrays, "cluster_sum", n_features, k, origin);
    return model;
}

template <class Real>
Fit<Real> mapped(const std::string& file, const MethodSettings& settings, const Dataset<Real>& data,
                 const std::vector<Labels>& covariates) {
    const auto found = find_data_file(file, settings.config_directory);
    if (!found)
        throw DataError("the model " + file + " is neither beside the config nor in the directory $BCBENCH_DATA");
    const std::string origin = found->string();
    const method::Model model = model_from(npy::read_npz(origin), data.cells.n_rows, origin);
    Fit<Real> fit;
    method::Mapped<Real> result =
        method::map_new_cells(data.cells, std::span<const Labels>(covariates), model, 1.0, settings.keeps_arrays);
    fit.corrected = std::move(result.corrected);
    if (settings.keeps_arrays) {
        fit.by_products = {{"cluster_assignments", npy::from_matrix(result.assignments)},
                           {"centroids", npy::from_matrix(model.centroids)}};
    }
    fit.losses = not_applicable(rows, "new cells were mapped onto the reference of " + file + ", nothing was iterated");
    fit.facts = {{"status", "mapped"}};
    return fit;
}

// Levels in the order of the covariates and of their names, those without cells left out.
template <class Real>
npy::NamedArrays by_products_of(const method::Result<Real>& fitted) {
    npy::NamedArrays arrays;
    arrays["cluster_assignments"] = npy::from_matrix(fitted.assignments);  // (n, K)
    arrays["centroids"] = npy::from_matrix(fitted.centroids);              // (K, F)
    arrays["observed"] = npy::from_matrix(fitted.observed);                // (B, K)
    arrays["expected"] = npy::from_matrix(fitted.expected);
    const arma::cube& w = fitted.coefficients;
    // (K x B, F), cluster after cluster
    arrays["coefficients"] = {{w.n_slices * w.n_cols, w.n_rows}, std::vector<double>(w.begin(), w.end())};
    return arrays;
}

template <class Real>
void add_traces(const method::Result<Real>& fitted, std::vector<Curve>& traces) {
    traces = {{"step", {}}, {"objective", fitted.objective}};
    for (std::size_t t = 0; t < fitted.objective.size(); ++t) traces[0].values.push_back(static_cast<double>(t));
    Curve total{"round_objective", {}}, distance{"round_distance", {}}, entropy{"round_entropy", {}},
        diversity{"round_diversity", {}};
    for (const method::Objective& parts : fitted.objective_rounds) {
        total.values.push_back(parts.total());
        distance.values.push_back(parts.distance);
        entropy.values.push_back(parts.entropy);
        diversity.values.push_back(parts.diversity);
    }
    traces.insert(traces.end(), {total, distance, entropy, diversity});
}

template <class Real>
Fit<Real> fit(const MethodSettings& settings, const SharedData<Real>& data) {
    const std::vector<Labels> covariates = covariates_of(settings_from(settings.params), *data);
    if (const auto file = loaded_model(settings.train)) return mapped(*file, settings, *data, covariates);
    method::Options options = engine_options(settings);
    options.keep_assignments = settings.keeps_arrays;
    const auto fitted = std::make_shared<method::Result<Real>>(
        method::forward(data->cells, std::span<const Labels>(covariates), options));
    Fit<Real> fit;
    fit.losses = {score(rows[0], static_cast<double>(fitted->iterations)),
                  score(rows[1], fitted->status == method::Status::converged ? 1.0 : 0.0),
                  score(rows[2], fitted->objective.back())};
    fit.facts = {
        {"status", field_detail::split_words(words_of(fitted->status)).at(static_cast<std::size_t>(fitted->status))}};
    fit.notes = fitted->notes;
    add_traces(*fitted, fit.traces);
    if (saves_model(settings.train)) fit.model = arrays_of(*fitted);
    if (settings.keeps_arrays) fit.by_products = by_products_of(*fitted);
    // Rounding of a product of F terms moves a logit by 1e-6 / sigma and with it the assignments; measured over ten
    // seeds and datasets the corrected cells keep 1e-4 of the features' spread (spec of the method: the same).
    fit.float32_tolerance = 1e-4 * std::max(1e-3, arma::stddev(in_double(data->cells), 0, 1).max());
    fit.corrected = std::move(fitted->corrected);
    const auto slow_options = reference_options(options, *fitted, data->cells.n_cols, covariates.size());
    const double objective = fitted->objective.back();
    const bool nothing = fitted->status == method::Status::nothing_to_correct;
    fit.reference = [data, covariates, slow_options, objective, nothing] {
        const reference::RealHarmonyResult slow = reference::harmony(in_double(data->cells), covariates, slow_options);
        return ReferenceFit{slow.corrected,
                            {},
                            {score(rows[0], slow.iterations), score(rows[1], slow.status == "converged" ? 1.0 : 0.0),
                             score(rows[2], nothing ? objective : slow.objective.back())}};
    };
    return fit;
}

}  // namespace

MethodDefinition harmony() {
    MethodDefinition method{
        "harmony", "Harmony: soft clusters that the batches share, and a ridge regression of the batch in each",
        "Korsunsky et al. 2019, and the second version of 2026. It fails where a batch shares no type with the others: "
        "what sets them apart is then taken for a batch effect. Random: seed cells and the order of blocks come from "
        "the seed. Also gives why it stopped (outputs.status: converged, objective_rose, max_iterations, "
        "nothing_to_correct) and the objective of every iteration and round (traces). In `train`, save_model keeps the "
        "corrected reference, and load_model maps the dataset onto one (Symphony: Kang et al. 2021). A preset sets the "
        "parameters left at their defaults as the package has them; all random draws are ours. Of scanpy it sets the "
        "limits of rounds and iterations alone: number of clusters, first centroids, their new start in each iteration "
        "and tau stay different there."};
    method.rows = rows;
    method.parameters = [] { return parameters_of(fields, Settings{{}, "none", {}}); };
    method.training = model_file_training;
    method.faults = faults;
    method.differentiable = false;
    method.draws_per_cell = true;
    method.small = R"({"n_clusters": 4, "max_iter": 2})";
    method.fit_float = fit<float>;
    method.fit_double = fit<double>;
    return method;
}

}  // namespace bcbench::methods
