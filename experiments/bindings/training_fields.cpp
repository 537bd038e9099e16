#include "experiments/bindings/training_fields.hpp"

#include <algorithm>
#include <cmath>

#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/neighbors/neighbors.hpp"

namespace bcbench {

namespace {

using nlohmann::json;

constexpr Field<training::Options> common_fields[] = {
    field<&training::Options::optimizer>("optimizer", any_value(), "rule of an update"),
    field<&training::Options::learning_rate>("learning_rate", above(0),
                                             "size of an update; larger is faster until it diverges"),
    field<&training::Options::beta1>("beta1", from_to_below(0, 1), "memory of the gradient (adam), momentum (sgd)"),
    field<&training::Options::beta2>("beta2", from_to_below(0, 1), "memory of the squared gradient (adam, rmsprop)"),
    field<&training::Options::weight_decay>(
        "weight_decay", at_least(0),
        "share of a parameter lost per update and unit of rate; larger keeps parameters smaller"),
    field<&training::Options::schedule>("schedule", any_value(), "how the learning rate falls, to 0 unless constant"),
    field<&training::Options::warmup_steps>("warmup_steps", at_least(0),
                                            "updates over which the learning rate rises linearly to its full size"),
    field<&training::Options::steps>("steps", at_least(1), "updates in all"),
    field<&training::Options::batch_size>("batch_size", at_least(2),
                                          "cells of one update, each batch in proportion; null: all of them"),
    field<&training::Options::holdout_fraction>(
        "holdout_fraction", from_to_below(0, 1),
        "share of each batch's cells that is never trained on; every metric then has a holdout_ row for them alone"),
    field<&training::Options::early_stopping>(
        "early_stopping", any_value(),
        "cells whose loss ends the training when it stops falling; holdout lets them choose the step"),
    field<&training::Options::patience>("patience", at_least(1),
                                        "evaluations without a lower loss before stopping early"),
    field<&training::Options::trace_every>("trace_every", at_least(1),
                                           "updates between two evaluations; smaller traces finer"),
    field<&training::Options::seed>(
        "seed", at_least(0),
        "of mini-batches and held-out cells; the initial weights and centroids come from the seed of the method"),
};

constexpr Field<training::Kernel> kernel_fields[] = {
    field<&training::Kernel::bandwidths>(
        "bandwidths", above(0),
        "bandwidths of the kernel, which is the mean over them; larger compare coarser structure"),
    field<&training::Kernel::unit>("bandwidth_unit", any_value(),
                                   "unit of bandwidths: 1, or the current median distance"),
    field<&training::Kernel::start>("bandwidth_start", above(0),
                                    "factor on all bandwidths at first, falling to 1 over the first 70 % of the steps"),
    field<&training::Kernel::estimator>("estimator", any_value(), "as mmd_estimator of mmd_loss"),
    field<&training::Kernel::pairs>("pairs", any_value(),
                                    "what is compared: batch 0 with the rest, or each batch with all cells"),
};

struct ModelFiles {
    bool save_model = false;
    std::optional<std::string> load_model;
};

constexpr Field<ModelFiles> file_fields[] = {
    field<&ModelFiles::save_model>("save_model", any_value(),
                                   "write the trained model to models/<point>.npz in the results"),
    field<&ModelFiles::load_model>(
        "load_model", any_value(),
        "apply the model of this .npz file, found beside the config or in $BCBENCH_DATA, without training: its own "
        "decoder and reference batch count, the other keys do not"),
};

// A curve gets its place the first time it has a value.
void add_value(const std::string& name, double value, std::vector<Curve>& curves) {
    const auto found =
        std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.name == name; });
    if (found != curves.end()) {
        found->values.push_back(value);
    } else {
        curves.push_back({name, {value}});
    }
}

constexpr arma::uword mixing_neighbors = 10;

template <class Real>
void add_evaluation(const std::string& prefix, const training::Observation<Real>& look, const Dataset<Real>& data,
                    std::vector<Curve>& curves) {
    const training::Evaluation losses = look.losses(data);
    add_value(prefix + "loss", training::finite(losses.objective, "the loss"), curves);
    for (const Curve& part : losses.parts) add_value(prefix + part.name, part.values.front(), curves);
    const Matrix<Real> corrected = look.corrected(data);
    require_finite(corrected, "a corrected embedding");
    if (data.batch.count() > 1 && data.batch.code.size() > mixing_neighbors) {
        const Neighbors neighbors =
            nearest_neighbors(corrected, std::min<arma::uword>(mixing_neighbors + 1, corrected.n_cols - 1));
        const Ties ties = ties_at(corrected, neighbors, mixing_neighbors);
        add_value(prefix + "mixing", batch_mixing_entropy({neighbors, mixing_neighbors}, data.batch, ties), curves);
    }
}

}  // namespace

std::vector<Parameter> common_training(const training::Options& defaults) {
    return parameters_of(common_fields, defaults);
}
std::vector<Parameter> kernel_training() { return parameters_of(kernel_fields); }
std::vector<Parameter> model_file_training() { return parameters_of(file_fields); }

std::vector<Parameter> joined(const std::vector<std::vector<Parameter>>& parts) {
    std::vector<Parameter> all;
    for (const std::vector<Parameter>& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

training::Options common_options(const json& train, const training::Options& defaults) {
    return options_from(common_fields, train, defaults);
}
training::Kernel kernel_options(const json& train) { return options_from(kernel_fields, train); }

bool saves_model(const json& train) { return train.is_object() && train.value("save_model", false); }

double holdout_fraction(const json& train) {
    if (!train.is_object() || loaded_model(train)) return 0.0;
    return train.value("holdout_fraction", 0.0);
}

std::optional<std::string> loaded_model(const json& train) {
    if (!train.is_object()) return std::nullopt;
    const auto file = train.find("load_model");
    if (file == train.end() || !file->is_string()) return std::nullopt;
    return file->get<std::string>();
}

void add_data_faults(const training::Options& options, std::size_t fewest_batches, const DataShape& data,
                     std::vector<ParameterFault>& faults) {
    if (data.batch_sizes.size() < fewest_batches) {
        faults.push_back({"train", "", "needs at least two batches, the dataset has one"});
    }
    std::size_t n_seen = 0;
    for (std::size_t b = 0; b < data.batch_sizes.size(); ++b) {
        const std::size_t size = data.batch_sizes[b];
        const double share = options.holdout_fraction * static_cast<double>(size);
        const std::size_t held_out =
            options.holdout_fraction > 0.0 ? std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share))) : 0;
        if (held_out >= size && size > 0) {
            faults.push_back({"train", "holdout_fraction",
                              "holds out all " + std::to_string(size) + " cells of batch " + std::to_string(b) +
                                  ", must leave some to train on"});
        }
        n_seen += size - std::min(size, held_out);
    }
    if (options.batch_size && static_cast<std::size_t>(*options.batch_size) > n_seen) {
        faults.push_back({"train", "batch_size",
                          "is " + std::to_string(*options.batch_size) + ", must be at most the " +
                              std::to_string(n_seen) + " cells there are to train on"});
    }
}

void add_reference_batch_fault(std::int64_t reference_batch, const DataShape& data,
                               std::vector<ParameterFault>& faults) {
    const std::size_t n_batches = data.batch_sizes.size();
    if (static_cast<std::size_t>(reference_batch) < n_batches) return;
    faults.push_back({"train", "reference_batch",
                      "is " + std::to_string(reference_batch) + ", must be one of the dataset's batches 0 to " +
                          std::to_string(n_batches - 1)});
}

void add_estimator_fault(mmd::Estimator estimator, const DataShape& data, std::vector<ParameterFault>& faults) {
    for (std::size_t b = 0; b < data.batch_sizes.size(); ++b) {
        if (data.batch_sizes[b] >= mmd::fewest_cells(estimator)) continue;
        faults.push_back(
            {"train", "estimator",
             "is unbiased, which needs two cells of each batch; batch " + std::to_string(b) + " has one: use biased"});
    }
}

template <class Real>
training::Observe<Real> tracing(const MethodSettings& settings, std::vector<Curve>& curves) {
    if (!settings.looks_on) return {};
    return [&settings, &curves](const training::Observation<Real>& look) {
        settings.run_stage("trace", [&] {
            add_value("step", static_cast<double>(look.step), curves);
            add_evaluation("", look, look.seen, curves);
            add_value("gradient_norm", look.gradient_norm, curves);
            if (look.unseen.cells.n_cols > 0) add_evaluation("holdout_", look, look.unseen, curves);
        });
    };
}

template training::Observe<float> tracing(const MethodSettings&, std::vector<Curve>&);
template training::Observe<double> tracing(const MethodSettings&, std::vector<Curve>&);

}  // namespace bcbench
