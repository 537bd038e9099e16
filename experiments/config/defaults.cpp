// Writes a config back with every default filled in.
#include "experiments/config/config.hpp"

namespace bcbench {
namespace {

// Swept parameters stand in the sweep alone.
OrderedJson without_swept(const nlohmann::json& values, const std::set<std::string>& swept, const std::string& prefix) {
    OrderedJson kept = OrderedJson::object();
    for (const auto& item : values.items())
        if (swept.count(prefix + item.key()) == 0) kept[item.key()] = item.value();
    return kept;
}

void fill_entries(OrderedJson& source, const std::vector<Entry>& entries) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        OrderedJson& json = source[i];
        const Entry& entry = entries[i];
        const std::set<std::string> swept = swept_anywhere(entry.sweep);
        if (!json.contains("seeds")) json["seed"] = entry.seeds.front();
        json["params"] = without_swept(entry.params, swept, "");
        if (!entry.train.is_null()) json["train"] = without_swept(entry.train, swept, "train.");
    }
}

}  // namespace

OrderedJson with_defaults(const Config& config) {
    OrderedJson filled = config.source;
    filled.erase("$schema");
    filled["purpose"] = config.purpose;
    filled["precision"] = config.precision;
    fill_entries(filled["datasets"], config.datasets);
    fill_entries(filled["methods"], config.methods);
    filled["metrics"] = OrderedJson::array();
    for (const MetricEntry& metric : config.metrics)
        filled["metrics"].push_back({{"type", metric.type}, {"params", metric.params}});
    filled["checks"] = config.checks;
    filled["timing"] = {{"warmup", config.timing.warmup}, {"repeats", config.timing.repeats}};
    filled["outputs"] = {{"embeddings", config.outputs.embeddings},
                         {"projections", config.outputs.projections},
                         {"h5ad", config.outputs.h5ad},
                         {"per_cell", config.outputs.per_cell}};
    filled["limits"] = {{"max_seconds", nullptr}, {"max_memory_bytes", nullptr}};
    if (config.limits.max_seconds) filled["limits"]["max_seconds"] = *config.limits.max_seconds;
    if (config.limits.max_memory_bytes) filled["limits"]["max_memory_bytes"] = *config.limits.max_memory_bytes;
    return filled;
}

}  // namespace bcbench
