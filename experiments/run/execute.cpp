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
#include "engine/metrics/mean_shift.hpp"
#include "engine/neighbors/neighbors.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/bindings/metrics.hpp"
#include "experiments/bindings/training_fields.hpp"
#include "experiments/run/checks.hpp"
#include "experiments/run/limits.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/files.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;

Precision precision_named(const std::string& name) {
    if (name == "float32") return Precision::float32;
    return name == "tf32" ? Precision::tf32 : Precision::float64;
}

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
    for (const training::Curve& curve : fit.traces) traces[curve.name] = curve.values;
    return traces;
}

void require_finite(const std::vector<Score>& scores) {
    for (const Score& score : scores) {
        if (score.value && !std::isfinite(*score.value)) throw NumericalError(score.metric + " is not finite");
    }
}

template <class Real>
void describe_fit(const Fit<Real>& fit, PointRecord& record) {
    record.outputs["corrected_shape"] = shape_of(fit.corrected);
    for (const FurtherArray<Real>& array : fit.arrays) {
        record.outputs[array.name + "_shape"] = {fit.corrected.n_cols, array.n_dimensions};
    }
    if (fit.trained_steps) record.outputs["trained_steps"] = *fit.trained_steps;
    if (!fit.holdout.empty()) record.outputs["holdout_cells"] = fit.holdout.size();
    record.traces = traces_of(fit);
    record.scores = fit.losses;
    require_finite(record.scores);
}

// Neighbours for the metric that needs most of them, as far as there are cells.
template <class Real>
Neighbors neighbors_for(const Config& config, const Matrix<Real>& corrected) {
    arma::uword k = 0;
    for (const MetricEntry& metric : config.metrics) {
        const arma::uword needed = neighbors_needed(metric.params);
        if (needed < corrected.n_cols) k = std::max(k, needed);
    }
    return k == 0 ? Neighbors{} : nearest_neighbors(corrected, k);
}

// Rows of metrics with other than default parameters carry these in their names: "type_purity(n_neighbors=30)".
void add_scores(std::vector<Score> scores, const MetricEntry& metric, const std::string& prefix, PointRecord& record) {
    for (Score& score : scores) {
        score.metric = prefix + score.metric + metric.name.substr(metric.type.size());
        score.version = metric_named(metric.type).version;
        record.scores.push_back(std::move(score));
    }
}

void compute_metrics(const Config& config, const MetricInput& input, const std::string& prefix, PointRecord& record) {
    for (const MetricEntry& metric : config.metrics) {
        add_scores(metric_named(metric.type).compute(metric.params, input), metric, prefix, record);
    }
    require_finite(record.scores);
}

// All metrics of the corrected cells [F x n], `prefix` before their names.
template <class Real>
void score_cells(const Config& config, const Matrix<Real>& corrected, const Labels& batch, const Labels& type,
                 const std::string& prefix, PointRecord& record) {
    const std::vector<double> means = batch_means(corrected, batch);
    const Neighbors neighbors = neighbors_for(config, corrected);
    compute_metrics(config, {batch, type, means, neighbors}, prefix, record);
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

template <class Real>
void run(const Point& point, const Config& config, const Dataset<Real>& data, Executed& executed) {
    PointRecord& record = executed.record;
    const auto timed = [&](const char* stage, std::uint64_t repeat, const auto& body) {
        const double start = seconds_now();
        const double operations = operations_so_far();
        body();
        executed.times.push_back(
            {stage, repeat, seconds_now() - start, peak_rss_bytes(), operations_so_far() - operations});
    };
    // the warm-up repeats, then the timed ones
    const auto for_each_repeat = [&](const char* stage, const auto& body) {
        for (std::uint64_t repeat = 0; repeat < config.timing.warmup; ++repeat) body();
        for (std::uint64_t repeat = 0; repeat < config.timing.repeats; ++repeat) timed(stage, repeat, body);
    };
    describe_data(data, record);

    const MethodSettings settings{point.method_params, point.train, point.method_seed, precision_named(point.precision),
                                  config.file.parent_path()};
    Fit<Real> fit;
    for_each_repeat("fit", [&] {
        fit = fit_method(point.method_type, settings, data);
        checkpoint();
    });
    describe_fit(fit, record);

    timed("metrics", 0, [&] {
        score_cells(config, fit.corrected, data.batch, data.type, "", record);
        if (fit.holdout.empty()) return;
        const Dataset<Real> unseen = training::subset<Real>({fit.corrected, data.batch, data.type}, fit.holdout);
        score_cells(config, unseen.cells, unseen.batch, unseen.type, "holdout_", record);
    });
    checkpoint();

    if (std::count(config.checks.begin(), config.checks.end(), "gradient") > 0 && fit.backward) {
        const Matrix<Real> ones(arma::size(fit.corrected), arma::fill::ones);
        for_each_repeat("gradient", [&] { fit.backward(ones); });
    }
    if (!config.checks.empty()) {
        timed("checks", 0, [&] {
            for (const std::string& check : config.checks) {
                run_check(check, data, fit, settings.precision, record);
                checkpoint();
            }
        });
    }
    if (config.outputs.projections) timed("projection", 0, [&] { record.projection = project(data, fit.corrected); });
    executed.model = std::move(fit.model);
    if (config.outputs.embeddings) executed.embedding = arma::conv_to<arma::mat>::from(fit.corrected);
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
    record.params = point.params;
    record.precision = point.precision;
    record.program = program_hash();
    record.outputs = ordered_json::object();
    record.traces = ordered_json::object();
    return record;
}

}  // namespace

std::shared_ptr<const LoadedDataset> DatasetCache::load(const Point& point) {
    const std::lock_guard lock(mutex_);
    if (loaded_ && id_ == point.dataset_id) return loaded_;
    auto loaded = std::make_shared<LoadedDataset>();
    const double start = seconds_now();
    try {
        Dataset<double> data =
            load_dataset(point.dataset_type, {point.dataset_params, point.dataset_seed, config_.file.parent_path()});
        loaded->hash = data_hash(data);
        if (config_.precision == "float32") {
            loaded->single = in_arithmetic<float>(data);
        } else {
            loaded->doubled = std::move(data);
        }
    } catch (const std::bad_alloc&) {
        loaded->error = "out of memory while loading the dataset";
        return loaded;  // the next point may find more: nothing is kept
    } catch (const LimitError& error) {
        loaded->error = error.what();
        return loaded;
    } catch (const std::exception& error) {
        loaded->error = error.what();
    }
    loaded->load_seconds = seconds_now() - start;
    id_ = point.dataset_id;
    loaded_ = std::move(loaded);
    return loaded_;
}

namespace {

// Of the file that the point's model is loaded from; empty if there is none, or none that can be read: the point fails
// then.
std::string loaded_model_hash(const Point& point, const Config& config) {
    const std::optional<std::string> name = loaded_model(point.train);
    const auto file = name ? find_data_file(*name, config.file.parent_path()) : std::nullopt;
    std::error_code error;
    if (!file || !std::filesystem::is_regular_file(*file, error)) return "";
    try {
        return hex(fnv1a(read_file(*file)));
    } catch (const FileError&) {
        return "";
    }
}

}  // namespace

std::string fingerprint_of(const Point& point, const Config& config, const std::string& data_hash) {
    nlohmann::json metrics = nlohmann::json::array();
    for (const MetricEntry& metric : config.metrics) {
        metrics.push_back({metric.name, metric.params, metric_named(metric.type).version});
    }
    const nlohmann::json decisive = {point.id,
                                     point.dataset_label,
                                     point.dataset_type,
                                     point.dataset_seed,
                                     point.dataset_params,
                                     point.method_label,
                                     point.method_type,
                                     point.method_seed,
                                     point.method_params,
                                     point.train,
                                     point.params,
                                     point.precision,
                                     metrics,
                                     config.checks,
                                     config.timing.warmup,
                                     config.timing.repeats,
                                     config.outputs.projections,
                                     config.outputs.embeddings,
                                     data_hash,
                                     loaded_model_hash(point, config),
                                     program_identity()};
    return hex(fnv1a(canonical_json(decisive)));
}

Executed execute(const Point& point, const Config& config, const LoadedDataset& loaded) {
    Executed executed;
    executed.record = empty_record(point);
    try {
        if (!loaded.error.empty()) throw std::invalid_argument(loaded.error);
        executed.times.push_back({"load", 0, loaded.load_seconds, peak_rss_bytes()});
        if (point.precision == "float32") {
            run(point, config, loaded.single, executed);
        } else {
            run(point, config, loaded.doubled, executed);
        }
    } catch (const std::bad_alloc&) {
        executed.record = record_without_values(point, config, PointStatus::failed, "out of memory");
    } catch (const std::exception& error) {
        executed.record = record_without_values(point, config, PointStatus::failed, error.what());
    }
    executed.record.data_hash = loaded.hash;
    executed.record.fingerprint = fingerprint_of(point, config, loaded.hash);
    return executed;
}

PointRecord record_without_values(const Point& point, const Config& config, PointStatus status, std::string reason) {
    PointRecord record = empty_record(point);
    record.status = status;
    record.reason = std::move(reason);
    const auto add = [&](std::span<const ScoreRow> rows) {
        for (Score& row : not_applicable(rows, record.reason)) record.scores.push_back(std::move(row));
    };
    add(method_named(point.method_type).losses);
    std::vector<std::string> prefixes = {""};
    if (holdout_fraction(point.train) > 0.0) prefixes.push_back("holdout_");
    for (const std::string& prefix : prefixes) {
        for (const MetricEntry& metric : config.metrics) {
            add_scores(not_applicable(metric_named(metric.type).rows, record.reason), metric, prefix, record);
        }
    }
    for (const std::string& check : config.checks) add(check_named(check).rows);
    return record;
}

}  // namespace bcbench
