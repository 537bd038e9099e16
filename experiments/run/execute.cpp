#include "experiments/run/execute.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <new>
#include <type_traits>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "engine/core/operations.hpp"
#include "engine/linear/pca.hpp"
#include "experiments/bindings/checks.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/bindings/named_arrays.hpp"
#include "experiments/bindings/training_fields.hpp"
#include "experiments/checks/checks.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/scoring.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"
#include "experiments/system/provenance.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;

ordered_json describe_labels(const Labels& labels) { return {{"names", labels.names}, {"sizes", label_sizes(labels)}}; }

// "(100, 30)" of a [30 x 100] matrix: users count cells first.
template <class Real>
ordered_json shape_of(const Matrix<Real>& values) {
    return {values.n_cols, values.n_rows};
}

template <class Real>
void describe_data(const Dataset<Real>& data, PointRecord& record) {
    record.dataset["n_cells"] = data.cells.n_cols;
    record.dataset["n_features"] = data.cells.n_rows;
    record.dataset["batches"] = describe_labels(data.batch);
    record.dataset["types"] = describe_labels(data.type);
    record.outputs["shape"] = shape_of(data.cells);
    record.outputs["batch_distribution"] = label_sizes(data.batch);
    record.outputs["type_distribution"] = label_sizes(data.type);
}

// The curves of a training, one list each.
template <class Real>
ordered_json traces_of(const Fit<Real>& fit) {
    ordered_json traces = ordered_json::object();
    for (const Curve& curve : fit.traces) traces[curve.name] = curve.values;
    return traces;
}

template <class Real>
void describe_fit(const Fit<Real>& fit, PointRecord& record) {
    record.outputs["corrected_shape"] = shape_of(fit.corrected);
    for (const FurtherArray<Real>& array : fit.arrays) {
        record.outputs[array.name + "_shape"] = {fit.corrected.n_cols, array.n_dimensions};
    }
    if (fit.trained_steps) record.outputs["trained_steps"] = *fit.trained_steps;
    if (!fit.holdout.empty()) record.outputs["holdout_cells"] = fit.holdout.size();
    for (const auto& [name, word] : fit.facts) record.outputs[name] = word;
    if (!fit.notes.empty()) record.outputs["notes"] = fit.notes;
    record.traces = traces_of(fit);
    record.scores = fit.losses;
    require_finite(record.scores);
}

// To 6 significant digits, as the double nearest to them: written in full it is no longer than that.
double six_digits(double value) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific, 5);
    double rounded = 0.0;
    std::from_chars(digits, end.ptr, rounded);
    return std::isfinite(rounded) ? rounded : 0.0;
}

template <class Real>
Projection project(const Dataset<Real>& data, const Matrix<Real>& corrected) {
    const arma::mat components = principal_components(corrected, 2);
    Projection projection{data.batch.code, data.type.code, {}, {}};
    for (arma::uword i = 0; i < components.n_cols; ++i) {
        projection.pc1.push_back(six_digits(components(0, i)));
        projection.pc2.push_back(six_digits(components(1, i)));
    }
    return projection;
}

// Times the stages of one point.
class Stages {
  public:
    Stages(const Timing& timing, std::vector<StageTime>& times) : timing_(timing), times_(times) {}

    template <class Body>
    void timed(const char* stage, std::uint64_t repeat, const Body& body) {
        parts_.clear();
        StageTime whole = measured(stage, repeat, body);
        for (const StageTime& part : parts_) {
            whole.seconds -= part.seconds;
            whole.operations -= part.operations;
        }
        times_.push_back(whole);
        times_.insert(times_.end(), parts_.begin(), parts_.end());
    }

    // The warm-up repeats, then the timed ones.
    template <class Body>
    void for_each_repeat(const char* stage, const Body& body) {
        for (std::uint64_t repeat = 0; repeat < timing_.warmup; ++repeat) body();
        for (std::uint64_t repeat = 0; repeat < timing_.repeats; ++repeat) timed(stage, repeat, body);
    }

    // Runs work during a stage that is a stage of its own.
    void aside(const char* stage, const std::function<void()>& work) {
        const auto same = [stage](const StageTime& known) { return known.stage == stage; };
        const auto repeat = static_cast<std::uint64_t>(std::count_if(times_.begin(), times_.end(), same));
        StageTime part = measured(stage, repeat, work);
        const auto known = std::find_if(parts_.begin(), parts_.end(), same);
        if (known == parts_.end()) {
            parts_.push_back(std::move(part));
            return;
        }
        known->seconds += part.seconds;
        known->peak_rss_bytes = part.peak_rss_bytes;
        known->operations += part.operations;
    }

  private:
    template <class Body>
    static StageTime measured(const char* stage, std::uint64_t repeat, const Body& body) {
        const double start = seconds_now();
        const double operations = operations_so_far();
        body();
        const double seconds = seconds_now() - start;
        return {stage, repeat, seconds, peak_rss_bytes(), operations_so_far() - operations};
    }

    const Timing& timing_;
    std::vector<StageTime>& times_;
    std::vector<StageTime> parts_;  // of the stage that runs
};

template <class Real>
Embedding kept_embedding(const Config& config, Matrix<Real> corrected) {
    if (!config.outputs.keeps_embeddings()) return {};
    return corrected;
}

ordered_json shapes_of(const npy::NamedArrays& arrays) {
    ordered_json shapes = ordered_json::object();
    for (const auto& [name, array] : arrays) shapes[name] = array.shape;
    return shapes;
}

template <class Real>
void add_arrays(const Config& config, const Fit<Real>& fit, const Dataset<Real>& data, Executed& executed) {
    if (config.outputs.arrays) {
        executed.arrays = arrays_of(fit);
        executed.record.outputs["arrays"] = shapes_of(*executed.arrays);
    }
    if (config.outputs.gradients) {
        executed.gradients = fit.differentiable ? gradients_of(fit.differentiable(), data.batch) : npy::NamedArrays();
        executed.record.outputs["gradients"] = shapes_of(*executed.gradients);
    }
}

template <class Real>
void run(const Point& point, const Config& config, const SharedData<Real>& data, Executed& executed) {
    PointRecord& record = executed.record;
    Stages stages(config.timing, executed.times);
    describe_data(*data, record);

    MethodSettings settings = settings_of(point, config);
    const std::uint64_t n_fits = config.timing.warmup + config.timing.repeats;
    std::uint64_t n_fitted = 0;
    pause_for_tests("fit");
    settings.aside = [&](const char* stage, const std::function<void()>& work) { stages.aside(stage, work); };
    Fit<Real> fit;
    std::vector<double> reported;
    stages.for_each_repeat("fit", [&] {
        // one look at a training is enough: that of the fit which is kept
        const bool is_last = ++n_fitted == n_fits;
        settings.looks_on = is_last;
        fit = fit_method(point.method_type, settings, data);
        if (fit.reported_seconds && n_fitted > config.timing.warmup) reported.push_back(*fit.reported_seconds);
        checkpoint();
    });
    for (std::size_t i = 0; i < reported.size(); ++i)
        executed.times.push_back({"fit_reported", i, reported[i], peak_rss_bytes()});
    describe_fit(fit, record);

    stages.timed("metrics", 0, [&] { score_cells(config, fit.corrected, *data, fit.holdout, executed); });
    checkpoint();

    if (std::count(config.checks.begin(), config.checks.end(), "gradient") > 0 && fit.backward) {
        const Matrix<Real> ones(arma::size(fit.corrected), arma::fill::ones);
        stages.for_each_repeat("gradient", [&] { fit.backward(ones); });
    }
    if (!config.checks.empty()) {
        stages.timed("checks", 0, [&] {
            for (const std::string& check : config.checks) {
                run_check(check, fit, settings.precision, record);
                checkpoint();
            }
        });
    }
    if (config.outputs.projections) {
        stages.timed("projection", 0, [&] {
            try {
                record.projection = project(*data, fit.corrected);
            } catch (const NumericalError& error) {  // what is only for looking at fails no point
                record.outputs["projection_missing"] = error.what();
            }
        });
    }
    if (config.outputs.arrays || config.outputs.gradients) {
        stages.timed("arrays", 0, [&] { add_arrays(config, fit, *data, executed); });
    }
    executed.model = std::move(fit.model);
    executed.embedding = kept_embedding(config, std::move(fit.corrected));
}

PointRecord empty_record(const Point& point) {
    PointRecord record;
    record.id = point.id;
    record.dataset = {{"label", point.dataset_label},
                      {"type", point.dataset_type},
                      {"seed", point.dataset_seed},
                      {"params", point.dataset_params}};
    record.method = {{"label", point.method_label},
                     {"type", point.method_type},
                     {"seed", point.method_seed},
                     {"params", point.method_params},
                     {"train", point.train}};
    if (method_named(point.method_type).control) record.method["control"] = true;
    record.params = point.params;
    record.swept = point.swept;
    record.group = point.group;
    record.precision = point.precision;
    record.program = program_hash();
    record.outputs = ordered_json::object();
    record.traces = ordered_json::object();
    return record;
}

void add_fingerprints(const Point& point, const Config& config, const LoadedDataset& loaded, PointRecord& record) {
    record.data_hash = loaded.hash;
    record.fit_fingerprint = fit_fingerprint(point, config, loaded.hash);
    record.fingerprint = fingerprint_of(point, config, loaded.hash);
}

bool is_of_fit(const Score& score) {
    return score.group == Group::loss || score.group == Group::iteration || score.group == Group::detail;
}

bool is_of_check(const Score& score) { return score.group == Group::check || score.group == Group::check_detail; }

}  // namespace

Executed execute(const Point& point, const Config& config, const LoadedDataset& loaded) {
    Executed executed;
    executed.record = empty_record(point);
    try {
        if (!loaded.error.empty()) throw std::invalid_argument(loaded.error);
        executed.times.push_back({"load", 0, loaded.load_seconds, peak_rss_bytes()});
        if (!loaded.preprocess.empty()) {
            executed.times.push_back({"preprocess", 0, loaded.preprocess_seconds, peak_rss_bytes()});
            executed.record.dataset["preprocess"] = loaded.preprocess;
        }
        if (!loaded.joined.is_null()) executed.record.dataset["joined"] = loaded.joined;
        if (!loaded.notes.empty()) executed.record.dataset["warnings"] = loaded.notes;
        std::visit([&](const auto& data) { run(point, config, data, executed); }, loaded.data);
    } catch (const NotApplicable& reason) {
        PointRecord record = record_without_values(point, config, PointStatus::ok, reason.what());
        record.dataset = std::move(executed.record.dataset);  // the data are known
        record.outputs.update(executed.record.outputs);
        executed.record = std::move(record);
    } catch (const std::bad_alloc&) {
        executed.record = record_without_values(point, config, PointStatus::failed, "out of memory");
    } catch (const std::exception& error) {
        executed.record = record_without_values(point, config, PointStatus::failed, error.what());
    }
    if (executed.record.status != PointStatus::ok) {
        executed.embedding = {};
        executed.per_cell.clear();
        executed.arrays.reset();
        executed.gradients.reset();
    }
    add_fingerprints(point, config, loaded, executed.record);
    return executed;
}

Executed score_again(const Point& point, const Config& config, const LoadedDataset& loaded, const PointRecord& earlier,
                     Embedding embedding) {
    Executed executed;
    executed.record = earlier;
    std::vector<Score>& scores = executed.record.scores;
    std::erase_if(scores, [](const Score& score) { return !is_of_fit(score); });
    std::visit(
        [&]<class Real>(const std::shared_ptr<const Dataset<Real>>& data) {
            std::vector<std::uint32_t> holdout;
            if (holdout_fraction(point.train) > 0.0) {
                holdout = training::split_cells(data->batch, common_options(point.train)).holdout;
            }
            score_cells(config, std::get<Matrix<Real>>(embedding), *data, holdout, executed);
        },
        loaded.data);
    std::copy_if(earlier.scores.begin(), earlier.scores.end(), std::back_inserter(scores), is_of_check);
    executed.embedding = std::move(embedding);
    add_fingerprints(point, config, loaded, executed.record);
    return executed;
}

PointRecord record_without_values(const Point& point, const Config& config, PointStatus status, std::string reason) {
    PointRecord record = empty_record(point);
    record.status = status;
    record.reason = std::move(reason);
    if (status == PointStatus::ok) record.outputs["not_applicable"] = record.reason;
    const auto add = [&](std::span<const ScoreRow> rows) {
        for (Score& row : not_applicable(rows, record.reason)) record.scores.push_back(std::move(row));
    };
    add(method_named(point.method_type).rows);
    add_missing_scores(config, holdout_fraction(point.train) > 0.0, record.reason, record);
    for (const std::string& check : config.checks) add(check_named(check).rows);
    return record;
}

}  // namespace bcbench
