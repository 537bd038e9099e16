// What the `train` blocks of all methods share: their common keys, and the model they make - untrained, loaded from a
// file, or trained.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/io/npy.hpp"
#include "engine/training/loop.hpp"
#include "engine/training/mmd_kernel.hpp"
#include "engine/training/model_file.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench {

/// The keys of training::Options, of the kernel of an MMD loss, and of saving and loading a model.
std::vector<Parameter> common_training(const training::Options& defaults = {});
std::vector<Parameter> kernel_training();
std::vector<Parameter> model_file_training();

std::vector<Parameter> joined(const std::vector<std::vector<Parameter>>& parts);

/// The values of a `train` block.
training::Options common_options(const nlohmann::json& train, const training::Options& defaults = {});
training::Kernel kernel_options(const nlohmann::json& train);

/// Whether the block asks for the model to be saved.
bool saves_model(const nlohmann::json& train);

/// The share of cells that the block holds out; 0 without a block, and for a model that is loaded.
double holdout_fraction(const nlohmann::json& train);

/// The file that the block loads its model from, as the config names it.
std::optional<std::string> loaded_model(const nlohmann::json& train);

/// Adds what the engine's validate functions, called by `check`, find wrong.
template <class Check>
void add_faults(const char* section, std::vector<ParameterFault>& faults, const Check& check) {
    try {
        check();
    } catch (const OptionError& error) {
        faults.push_back({section, error.option, error.fault});
    } catch (const std::invalid_argument& error) {
        faults.push_back({section, "", error.what()});
    }
}

/// What training needs of the data: enough cells beside those held out, and `fewest_batches`.
void add_data_faults(const training::Options& options, std::size_t fewest_batches, const DataShape& data,
                     std::vector<ParameterFault>& faults);
void add_reference_batch_fault(std::int64_t reference_batch, const DataShape& data,
                               std::vector<ParameterFault>& faults);
void add_estimator_fault(mmd::Estimator estimator, const DataShape& data, std::vector<ParameterFault>& faults);

/// The curves of a training, from looks at it: "step", "loss", its parts, "mixing" (batch_mixing_entropy among 10
/// neighbours, where it is defined), "gradient_norm"; with held-out cells the same of them as "holdout_...". All work
/// is the stage `trace`. The settings must outlive the training.
template <class Real>
training::Observe<Real> tracing(const MethodSettings& settings, std::vector<Curve>& curves);

/// The model to apply: what `draw` draws if there is no `train` block, the model of `load_model`, or what
/// train(drawn, observe) makes of it. What a fit hands back of a training is put into `fit`. The drawing is a stage of
/// its own.
template <class Real, class Draw, class Train, class Model = std::invoke_result_t<Draw>>
Model prepared_model(const char* method, const MethodSettings& settings, const Draw& draw, Fit<Real>& fit,
                     const Train& train) {
    training::Trained<Model> made;
    settings.run_stage("initialize", [&] { made.model = draw(); });
    const std::optional<std::string> file = loaded_model(settings.train);
    if (file) {
        const auto found = find_data_file(*file, settings.config_directory);
        if (!found) {
            throw DataError("the model " + *file + " is neither beside the config nor in the directory $BCBENCH_DATA");
        }
        made.model =
            model_file::from_arrays(method, npy::read_npz(found->string()), std::move(made.model), found->string());
    } else if (!settings.train.is_null()) {
        made = train(std::move(made.model), tracing<Real>(settings, fit.traces));
    }
    if (made.step > 0) fit.trained_steps = made.step;
    fit.holdout = std::move(made.holdout);
    if (saves_model(settings.train)) fit.model = model_file::to_arrays(method, made.model);
    return std::move(made.model);
}

}  // namespace bcbench
