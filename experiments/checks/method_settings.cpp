#include "experiments/checks/method_settings.hpp"

#include "experiments/bindings/training_fields.hpp"

namespace bcbench {

namespace {

Precision precision_named(const std::string& name) {
    if (name == "float32") return Precision::float32;
    return name == "tf32" ? Precision::tf32 : Precision::float64;
}

}  // namespace

MethodSettings settings_of(const Point& point, const Config& config) {
    MethodSettings settings{point.method_params, point.train, point.method_seed, precision_named(point.precision),
                            config.file.parent_path()};
    settings.dataset = {point.dataset_label, point.dataset_type, point.dataset_params, point.dataset_seed};
    settings.max_memory_bytes = config.limits.max_memory_bytes;
    settings.allow_commands = config.allow_commands;
    settings.keeps_arrays = config.outputs.arrays;
    return settings;
}

PointFiles files_of(const Point& point, const Config& config) {
    return {config.outputs.keeps_embeddings(), saves_model(point.train), config.outputs.per_cell, config.outputs.arrays,
            config.outputs.gradients};
}

}  // namespace bcbench
