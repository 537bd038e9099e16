#include "experiments/config/keys.hpp"

#include <utility>

namespace bcbench {
namespace {

constexpr double largest_seed = 9007199254740991.0;  // 2^53 - 1: exact in every JSON reader

Parameter text(const char* name, const char* help) { return declared(name, ParameterType::string, nullptr, help); }

Parameter optional_text(const char* name, const char* help) {
    Parameter parameter = text(name, help);
    parameter.optional = true;
    return parameter;
}

Parameter flag(const char* name, bool value, const char* help) {
    return declared(name, ParameterType::boolean, value, help);
}

Parameter count(const char* name, nlohmann::json value, double minimum, double maximum, const char* help) {
    Parameter parameter = declared(name, ParameterType::integer, std::move(value), help);
    parameter.minimum = minimum;
    parameter.maximum = maximum;
    return parameter;
}

Parameter amount(const char* name, const char* help) {
    Parameter parameter = declared(name, ParameterType::number, 0.0, help);
    parameter.minimum = 0.0;
    return parameter;
}

Parameter limit(const char* name, ParameterType type, const char* help) {
    Parameter parameter = declared(name, type, nullptr, help);
    parameter.minimum = 0.0;
    parameter.minimum_exclusive = true;
    parameter.optional = true;
    return parameter;
}

Parameter any_seed(nlohmann::json value) {
    return count("seed", std::move(value), 0, largest_seed, "seed of all random draws; not together with `seeds`");
}

Block entry_block(const char* what) {
    Parameter seed = any_seed(nullptr);
    seed.optional = true;  // null or absent: the default seed of the type
    return {{text("label", "name of the entry in ids, tables and figures; unique within its list"), text("type", what),
             optional_text("purpose", "why the entry is there, for the reader"), seed},
            {{"seeds", "list of seeds, an axis of its own: one point per seed, which its id names"},
             {"params", "parameters that differ from their defaults"},
             {"sweep", "parameters to vary: grid, zip or random, or a list of such"}}};
}

}  // namespace

const Block& config_block() {
    static const Block block = [] {
        Parameter precision = text("precision", "arithmetic of the run");
        precision.default_value = "float64";
        precision.choices = {"float64", "float32", "tf32"};
        return Block{{optional_text("$schema", "file with the JSON Schema, for editors"),
                      count("schema_version", nullptr, 1, 1, "version of the config format"),
                      text("name", "name of the experiment and of its results directory"),
                      optional_text("purpose", "one sentence: the question this experiment answers"), precision,
                      optional_text("expected", "file with expected values, relative to the config")},
                     {{"datasets", "the datasets; every dataset meets every method", true},
                      {"methods", "the methods", true},
                      {"metrics", "metrics to compute: names, or objects with type and params; default: all"},
                      {"checks", "checks to run at each point"},
                      {"timing", "how often each point is run"},
                      {"outputs", "which large outputs are written"},
                      {"limits", "what a single point may use"},
                      {"tolerances", "differences of a metric that `compare` accepts, by metric"},
                      {"exclude", "points that are not run, with the reason"}}};
    }();
    return block;
}

const Block& dataset_block() {
    static const Block block = entry_block("type of the dataset");
    return block;
}

const Block& method_block() {
    static const Block block = [] {
        Block with_training = entry_block("type of the method");
        with_training.sections.push_back({"train", "trains the method first, with these settings", false});
        return with_training;
    }();
    return block;
}

const Block& metric_block() {
    static const Block block = {{text("type", "name of the metric")},
                                {{"params", "parameters that differ from their defaults"}}};
    return block;
}

const Block& timing_block() {
    static const Block block = {{count("warmup", 0, 0, 1e6, "runs before the timed ones; not recorded"),
                                 count("repeats", 1, 1, 1e6, "timed runs of each point")},
                                {}};
    return block;
}

const Block& outputs_block() {
    static const Block block = {{flag("embeddings", false, "write the corrected cells of each point (.npy)"),
                                 flag("projections", true, "write two principal components of each point"),
                                 flag("h5ad", false,
                                      "write a copy of each .h5ad file with the corrected cells of its points in obsm "
                                      "and their metrics in uns; keeps the .npy files as well"),
                                 flag("per_cell", false, "write the values of each cell behind the metrics (.csv)")},
                                {}};
    return block;
}

const Block& limits_block() {
    static const Block block = {
        {limit("max_seconds", ParameterType::number,
               "a point that takes longer, loading its data aside, is stopped and counts as failed"),
         limit("max_memory_bytes", ParameterType::integer,
               "a point for which the process holds more memory (times --jobs) is stopped and counts as failed")},
        {}};
    return block;
}

const Block& tolerance_block() {
    static const Block block = {{amount("absolute", "accepted difference"),
                                 amount("relative", "accepted difference as a share of the base value")},
                                {}};
    return block;
}

const Block& exclusion_block() {
    static const Block block = {{text("match", "pattern on point ids: * any text, ? one character, [..] one of"),
                                 text("reason", "why these points are not run")},
                                {}};
    return block;
}

const Block& sweep_block() {
    static const Block block = {{},
                                {{"grid", "every combination of the listed values, the last key varying fastest"},
                                 {"zip", "the listed values in step; all lists have the same length"},
                                 {"random", "n random draws"}}};
    return block;
}

const Block& random_block() {
    static const Block block = {
        {count("n", nullptr, 1, 1e9, "number of draws; draws that repeat an earlier one are left out"),
         count("seed", 0, 0, largest_seed, "seed of the draws")},
        {{"params", "per parameter: uniform [a, b], log_uniform [a, b], integer [a, b] or choice [..]", true}}};
    return block;
}

std::vector<std::string> key_names(const Block& block) {
    std::vector<std::string> names = names_of(block.values);
    for (const Section& section : block.sections) names.push_back(section.name);
    return names;
}

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
    std::vector<std::string> names;
    for (const Parameter& parameter : parameters) names.push_back(parameter.name);
    return names;
}

std::vector<std::string> names_of(const std::vector<CatalogEntry>& entries) {
    std::vector<std::string> names;
    for (const CatalogEntry& entry : entries) names.push_back(entry.name);
    return names;
}

const Parameter* find_parameter(const std::vector<Parameter>& parameters, const std::string& name) {
    for (const Parameter& parameter : parameters)
        if (parameter.name == name) return &parameter;
    return nullptr;
}

Parameter seed_parameter(const CatalogEntry& entry) {
    const Parameter* own = find_parameter(entry.parameters, "seed");
    return any_seed(own ? own->default_value : nlohmann::json(0));
}

std::vector<Parameter> own_parameters(const CatalogEntry& entry) {
    std::vector<Parameter> parameters;
    for (const Parameter& parameter : entry.parameters)
        if (parameter.name != "seed") parameters.push_back(parameter);
    return parameters;
}

}  // namespace bcbench
