// What a correction method is to the harness: a row of a table, and what a fit hands back. Each method binds itself in
// a file of its own (methods/<name>.cpp); methods.cpp lists them (README, "Adding a method").
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/gradients/differentiable.hpp"
#include "engine/io/npy.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/catalog/parameter.hpp"
#include "experiments/catalog/score.hpp"

namespace bcbench {

/// Where a dataset comes from, for methods that read more of it.
struct DatasetOfPoint {
    std::string label;
    std::string type;
    nlohmann::json params;  // validated; defaults filled in
    std::uint64_t seed = 0;
};

struct MethodSettings {
    nlohmann::json params;  // validated; defaults filled in
    nlohmann::json train;   // validated, defaults filled in; null: not trained
    std::uint64_t seed = 0;
    Precision precision = Precision::float64;
    std::filesystem::path config_directory;  // where a model to load is looked for first
    /// Runs a part of the fit that a clock counts as a stage of its own. Empty: nobody looks at a clock.
    std::function<void(const char* stage, const std::function<void()>& work)> aside = nullptr;
    bool looks_on = false;                               // looks at a model while it is trained are wanted
    DatasetOfPoint dataset = {};                         // what the data were loaded from
    std::optional<std::uint64_t> max_memory_bytes = {};  // of processes that it starts
    bool allow_commands = false;                         // programs of the user's may be started
    bool keeps_arrays = false;                           // Fit::by_products are wanted

    void run_stage(const char* stage, const std::function<void()>& work) const {
        if (aside) {
            aside(stage, work);
        } else {
            work();
        }
    }
};

/// A further array that a method returns, such as the latent cells. Most runs want its shape alone: it is made when
/// asked for.
template <class Real>
struct FurtherArray {
    std::string name;
    arma::uword n_dimensions = 0;
    std::function<Matrix<Real>(const Matrix<Real>& corrected)> values;  // [n_dimensions x n]
    /// The most that a value changes if every entry of the corrected cells, which it is computed from, changes by 1.
    double sensitivity = 1.0;
};

/// What the slow reference computed for the same data and the same parameters.
struct ReferenceFit {
    arma::mat corrected;  // [F x n]
    std::vector<NamedArray<double>> arrays;
    std::vector<Score> losses;
};

/// Whatever its functions need they own: a fit may outlive its data.
template <class Real>
struct Fit {
    Matrix<Real> corrected;  // [F x n]
    std::vector<FurtherArray<Real>> arrays;
    std::vector<Score> losses;                               // and further rows: those of MethodDefinition::rows first
    std::vector<std::pair<std::string, std::string>> facts;  // words for the point file: "status", "converged"
    std::vector<std::string> notes;                          // what a reader of the values should know
    std::vector<Curve> traces;                               // along a training or the iterations; may be empty
    std::optional<std::int64_t> trained_steps;               // updates behind the parameters, of a training
    std::optional<double> reported_seconds;                  // of the fit by its own clock, of an external program
    std::vector<std::uint32_t> holdout;                      // cells that the training never saw
    npy::NamedArrays model;                                  // the parameters, if the `train` block asks to save them
    npy::NamedArrays by_products;  // beside `arrays`, if settings.keeps_arrays; as users see them
    /// The adjoint of the input cells [F x n] for the adjoint of the corrected cells [F x n]. Empty: no gradient.
    std::function<Matrix<Real>(const Matrix<Real>& corrected_bar)> backward;
    /// Of every cell a number that stands for its discrete choices in this arithmetic, as Linearization::cell_choices
    /// of the first output does in double. Empty: no cell chooses.
    std::function<std::vector<std::uint64_t>()> cell_choices;
    /// The same fit, with the same parameters, for gradient checks. Empty exactly where `backward` is.
    std::function<Differentiable()> differentiable;
    /// Runs the slow reference. Empty: the method has none, or none for these data.
    std::function<ReferenceFit()> reference;
    /// How far a right fit in float32 may lie from the reference: the documented tolerance, or a method's own with its
    /// reason.
    double float32_tolerance = 1e-5;
};

template <class Real>
using SharedData = std::shared_ptr<const Dataset<Real>>;

inline std::vector<ParameterFault> no_faults(const nlohmann::json&, const nlohmann::json&, const DataShape*) {
    return {};
}

struct MethodDefinition {
    const char* name;
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> rows = {};  // of Fit::losses, of every dataset
    std::vector<Parameter> (*parameters)() = no_parameters;
    std::vector<Parameter> (*training)() = no_parameters;  // keys of the `train` block; none: it cannot be trained
    /// What is wrong with values that are right one by one, and with what they ask of the data if its shape is known
    /// before it is loaded (else nullptr). `train` may be null.
    std::vector<ParameterFault> (*faults)(const nlohmann::json& params, const nlohmann::json& train,
                                          const DataShape* data) = no_faults;
    bool differentiable = true;  // its fits have `backward`
    bool has_reference = true;   // its fits have `reference`
    bool draws_per_cell =
        false;  // its random numbers belong to places in the dataset: cells in another order get others
    /// Parameters small enough for a slow reference and for a gradient at every coordinate, as JSON.
    const char* small = "{}";
    bool control = false;        // shows what best and worst look like; not ranked
    bool is_external = false;    // what it does stands in files of the user's
    bool runs_commands = false;  // it starts programs of the user's, which has to be allowed
    /// Parameters that an entry of a config declares itself; nullptr: none.
    DeclaredParameters (*declare)(const nlohmann::json& params,
                                  const std::filesystem::path& config_directory) = nullptr;
    /// What decides its values beside parameters and data: contents of files, versions. Never throws. nullptr: nothing.
    std::string (*identity)(const MethodSettings&) = nullptr;
    /// A line on what a fit would run, which runs nothing. nullptr: nothing.
    std::string (*preview)(const MethodSettings&) = nullptr;
    Fit<float> (*fit_float)(const MethodSettings&, const SharedData<float>&) = nullptr;
    Fit<double> (*fit_double)(const MethodSettings&, const SharedData<double>&) = nullptr;
};

std::span<const MethodDefinition> method_table();

const MethodDefinition& method_named(const std::string& type);

/// Runs the method called `type`, in the arithmetic of the data.
Fit<float> fit_method(const std::string& type, const MethodSettings& settings, const SharedData<float>& data);
Fit<double> fit_method(const std::string& type, const MethodSettings& settings, const SharedData<double>& data);

/// The same on a copy of `data`.
template <class Real>
Fit<Real> fit_method(const std::string& type, const MethodSettings& settings, const Dataset<Real>& data) {
    return fit_method(type, settings, std::make_shared<const Dataset<Real>>(data));
}

}  // namespace bcbench
