#include "experiments/run/fingerprint.hpp"

#include <filesystem>
#include <optional>

#include "experiments/bindings/metric.hpp"
#include "experiments/bindings/training_fields.hpp"
#include "experiments/checks/method_settings.hpp"
#include "experiments/system/files.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

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

nlohmann::json deciding_fit(const Point& point, const Config& config, const std::string& data_hash) {
    nlohmann::json deciding = {point.id,
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
                               config.checks,
                               config.timing.warmup,
                               config.timing.repeats,
                               config.outputs.projections,
                               config.outputs.keeps_embeddings(),
                               config.outputs.arrays,
                               config.outputs.gradients,
                               data_hash,
                               loaded_model_hash(point, config),
                               program_identity()};
    const MethodDefinition& method = method_named(point.method_type);
    if (method.identity != nullptr) deciding.push_back(method.identity(settings_of(point, config)));
    return deciding;
}

}  // namespace

std::string fit_fingerprint(const Point& point, const Config& config, const std::string& data_hash) {
    return hex(fnv1a(canonical_json(deciding_fit(point, config, data_hash))));
}

std::string fingerprint_of(const Point& point, const Config& config, const std::string& data_hash) {
    nlohmann::json metrics = nlohmann::json::array();
    for (const MetricEntry& metric : config.metrics) {
        metrics.push_back({metric.name, metric.params, metric_named(metric.type).version});
    }
    if (config.outputs.per_cell) metrics.push_back("per_cell");  // points of configs without it stay what they are
    return hex(fnv1a(canonical_json({deciding_fit(point, config, data_hash), metrics})));
}

}  // namespace bcbench
