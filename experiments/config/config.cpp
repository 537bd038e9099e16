#include "experiments/config/config.hpp"

#include <algorithm>

#include "engine/io/utf8.hpp"
#include "experiments/config/check.hpp"
#include "experiments/config/override.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

// The type, and in parentheses the parameters that differ from their defaults.
std::string metric_name(const CatalogEntry& type, const nlohmann::json& params) {
    std::string list;
    for (const Parameter& parameter : type.parameters)
        if (params.at(parameter.name) != normalised(parameter, parameter.default_value))
            list += (list.empty() ? "" : ",") + parameter.name + "=" + id_text(params.at(parameter.name));
    return list.empty() ? type.name : type.name + "(" + list + ")";
}

std::vector<std::string> names_with_presets(const Catalog& catalog) {
    std::vector<std::string> names = names_of(catalog.metrics);
    for (const Preset& preset : catalog.presets) names.push_back(preset.name);
    return names;
}

void read_metric(const OrderedJson& value, const Catalog& catalog, const Pointer& at, Faults& faults,
                 std::vector<MetricEntry>& metrics) {
    const bool plain = value.is_string();
    if (!plain && !value.is_object()) {
        add_fault(faults, at,
                  "is " + shown(value) + ", must be the name of a metric or an object with type and params");
        return;
    }
    const nlohmann::json values =
        plain ? nlohmann::json{{"type", value.get<std::string>()}} : read_block(value, metric_block(), at, faults);
    if (!values.contains("type")) return;
    const CatalogEntry* type = find_entry(catalog.metrics, text_of(values, "type"));
    if (!type) {
        add_fault(faults, plain ? at : at / "type",
                  unknown_name("metric", text_of(values, "type"), names_with_presets(catalog)));
        return;
    }
    const bool given = !plain && value.contains("params");
    const OrderedJson& params = given ? value["params"] : empty_object();
    const Pointer here = given ? at / "params" : at;
    if (!check_object(params, here, faults)) return;
    const std::size_t before = faults.size();
    check_keys(params, names_of(type->parameters), "parameter", here, faults);
    MetricEntry metric{"", type->name, read_values(params, type->parameters, here, faults)};
    if (faults.size() > before) return;
    metric.name = metric_name(*type, metric.params);
    const auto same = [&metric](const MetricEntry& other) { return other.name == metric.name; };
    if (std::none_of(metrics.begin(), metrics.end(), same)) metrics.push_back(std::move(metric));
}

// The metrics of a preset that are not there yet.
void read_preset(const Preset& preset, const Catalog& catalog, const Pointer& at, Faults& faults,
                 std::vector<MetricEntry>& metrics) {
    for (const std::string& name : preset.metrics) read_metric(name, catalog, at, faults, metrics);
}

void read_metric_list(const OrderedJson& list, const Catalog& catalog, const Pointer& at, Faults& faults,
                      std::vector<MetricEntry>& metrics) {
    if (!check_list(list, at, faults)) return;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto named = [&](const Preset& preset) { return list[i] == preset.name; };
        const auto preset = std::find_if(catalog.presets.begin(), catalog.presets.end(), named);
        if (preset != catalog.presets.end()) {
            read_preset(*preset, catalog, at / i, faults, metrics);
        } else {
            read_metric(list[i], catalog, at / i, faults, metrics);
        }
    }
}

void read_metrics(Config& config, const Catalog& catalog, Faults& faults) {
    const Pointer at = Pointer() / "metrics";
    if (config.source.contains("metrics"))
        return read_metric_list(config.source["metrics"], catalog, at, faults, config.metrics);
    if (!catalog.presets.empty()) return read_preset(catalog.presets.front(), catalog, at, faults, config.metrics);
    for (const CatalogEntry& type : catalog.metrics) read_metric(type.name, catalog, at, faults, config.metrics);
}

void read_checks(Config& config, const Catalog& catalog, Faults& faults) {
    const Pointer at = Pointer() / "checks";
    if (!config.source.contains("checks") || !check_list(config.source["checks"], at, faults)) return;
    const OrderedJson& list = config.source["checks"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string name = list[i].is_string() ? list[i].get<std::string>() : "";
        if (!list[i].is_string())
            add_fault(faults, at / i, "is " + shown(list[i]) + ", must be the name of a check");
        else if (!find_entry(catalog.checks, name))
            add_fault(faults, at / i, unknown_name("check", name, names_of(catalog.checks)));
        else if (std::find(config.checks.begin(), config.checks.end(), name) == config.checks.end())
            config.checks.push_back(name);
    }
}

nlohmann::json read_section(const Config& config, const char* key, const Block& block, Faults& faults) {
    const bool given = config.source.contains(key);
    return read_block(given ? config.source[key] : empty_object(), block, Pointer() / key, faults);
}

void read_settings(Config& config, Faults& faults) {
    const nlohmann::json timing = read_section(config, "timing", timing_block(), faults);
    config.timing = {timing["warmup"].get<std::uint64_t>(), timing["repeats"].get<std::uint64_t>()};
    const nlohmann::json outputs = read_section(config, "outputs", outputs_block(), faults);
    config.outputs = {outputs["embeddings"].get<bool>(), outputs["projections"].get<bool>(),
                      outputs["h5ad"].get<bool>(), outputs["per_cell"].get<bool>()};
    const nlohmann::json limits = read_section(config, "limits", limits_block(), faults);
    if (!limits["max_seconds"].is_null()) config.limits.max_seconds = limits["max_seconds"].get<double>();
    if (!limits["max_memory_bytes"].is_null())
        config.limits.max_memory_bytes = limits["max_memory_bytes"].get<std::uint64_t>();
}

void read_tolerances(Config& config, Faults& faults) {
    const Pointer at = Pointer() / "tolerances";
    if (!config.source.contains("tolerances") || !check_object(config.source["tolerances"], at, faults)) return;
    for (const auto& item : config.source["tolerances"].items()) {
        const nlohmann::json values = read_block(item.value(), tolerance_block(), at / item.key(), faults);
        config.tolerances[item.key()] = {values["absolute"].get<double>(), values["relative"].get<double>()};
    }
}

void read_exclusions(Config& config, Faults& faults) {
    const Pointer at = Pointer() / "exclude";
    if (!config.source.contains("exclude") || !check_list(config.source["exclude"], at, faults)) return;
    const OrderedJson& list = config.source["exclude"];
    for (std::size_t i = 0; i < list.size(); ++i) {
        const nlohmann::json values = read_block(list[i], exclusion_block(), at / i, faults);
        config.exclude.push_back({text_of(values, "match"), text_of(values, "reason")});
        for (const char* key : {"match", "reason"})
            if (values.contains(key) && values[key] == "") add_fault(faults, at / i / key, "is empty");
    }
}

// Name, purpose, precision and the file of expected values, which must be there.
void read_header(Config& config, Faults& faults) {
    const nlohmann::json values = read_block(config.source, config_block(), Pointer(), faults);
    config.name = text_of(values, "name");
    if (values.contains("name"))
        if (const auto fault = label_fault(config.name)) add_fault(faults, Pointer() / "name", *fault);
    config.purpose = text_of(values, "purpose");
    config.precision = text_of(values, "precision");
    const std::string expected = text_of(values, "expected");
    if (values["expected"].is_null()) return;
    config.expected = config.file.parent_path() / expected;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(*config.expected, ignored))
        add_fault(faults, Pointer() / "expected", "there is no file " + config.expected->string());
}

std::vector<Entry> read_entries_of(const Config& config, const std::string& noun, const Block& block,
                                   const std::vector<CatalogEntry>& known, Faults& faults) {
    const std::string key = noun + "s";
    if (config.source.contains(key))
        return read_entries(config.source[key], noun, block, known, config.file.parent_path(), Pointer() / key, faults);
    add_fault(faults, Pointer(), "\"" + key + "\" is missing, must be a list of one or more " + key);
    return {};
}

std::uint64_t count_points(const std::vector<Entry>& entries) {
    std::uint64_t count = 0;
    for (const Entry& entry : entries)
        count = std::min(count + saturating_product(size_of(entry.sweep), entry.seeds.size()), max_points + 1);
    return count;
}

void read_parts(Config& config, const Catalog& catalog, Faults& faults) {
    if (!check_object(config.source, Pointer(), faults)) return;
    read_header(config, faults);
    config.datasets = read_entries_of(config, "dataset", dataset_block(), catalog.datasets, faults);
    config.methods = read_entries_of(config, "method", method_block(), catalog.methods, faults);
    read_metrics(config, catalog, faults);
    read_checks(config, catalog, faults);
    read_settings(config, faults);
    read_tolerances(config, faults);
    read_exclusions(config, faults);
    if (saturating_product(count_points(config.datasets), count_points(config.methods)) > max_points)
        add_fault(faults, Pointer(), "describes more than 10^15 points");
}

}  // namespace

Config make_config(OrderedJson source, const std::filesystem::path& file, const Catalog& catalog) {
    Config config;
    config.file = file;
    config.source = std::move(source);
    Faults faults;
    try {
        read_parts(config, catalog, faults);
    } catch (const TooManyFaults&) {
        // nobody reads on: mending the first ones comes first
    }
    if (!faults.empty()) throw ConfigError(file.string(), faults);
    return config;
}

std::vector<MetricEntry> make_metrics(const OrderedJson& list, const std::string& origin, const Catalog& catalog) {
    std::vector<MetricEntry> metrics;
    Faults faults;
    try {
        read_metric_list(list, catalog, Pointer(), faults, metrics);
    } catch (const TooManyFaults&) {
        // as above
    }
    if (!faults.empty()) throw ConfigError(origin, faults);
    return metrics;
}

Config read_config(const std::filesystem::path& file, const Catalog& catalog,
                   const std::vector<std::string>& overrides) {
    OrderedJson source = read_json(file);
    for (const std::string& assignment : overrides) apply_override(source, assignment);
    return make_config(std::move(source), file, catalog);
}

std::optional<std::string> label_fault(const std::string& label) {
    const std::string rule =
        ", must be 1 to 80 bytes of text without slashes, control characters, a leading dot or outer spaces";
    const bool outer = label.empty() || label.size() > 80 || label.front() == '.' || label.front() == ' ' ||
                       label.back() == ' ' || !is_utf8(label);
    bool inner = label.find_first_of("/\\") != std::string::npos;
    for (std::size_t i = 0; i < label.size(); ++i) {
        const auto byte = static_cast<unsigned char>(label[i]);
        const bool c1 = byte == 0xC2 && i + 1 < label.size() && static_cast<unsigned char>(label[i + 1]) < 0xA0;
        inner = inner || byte < 0x20 || byte == 0x7F || c1;  // U+0000 to U+001F, U+007F to U+009F
    }
    if (!outer && !inner) return std::nullopt;
    return "is " + (is_utf8(label) ? shown(label) : "not UTF-8") + rule;
}

}  // namespace bcbench
