// What a metric found.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bcbench {

struct NamedValue {
    std::string name;
    double value = 0.0;
};

/// The share of one label in a metric.
struct LabelValue {
    std::string label;
    std::optional<double> value;  // none: the label was left out
    std::string reason;           // why it was left out; empty if it has a value
};

/// A value, or the reason why there is none: never 0, 1 or NaN in its place.
struct MetricResult {
    std::optional<double> value;
    std::string reason;                 // why there is no value; empty if there is one
    std::vector<double> per_cell;       // [n], or empty if the metric has none; NaN for a cell that has no value
    std::vector<LabelValue> per_label;  // [labels], or empty if the metric has none
    std::vector<NamedValue> details;    // further numbers, each explained where the metric is declared
    std::vector<std::string> warnings;  // what a reader of the value should know

    bool applicable() const { return value.has_value(); }
};

inline MetricResult not_applicable(std::string reason) {
    MetricResult result;
    result.reason = std::move(reason);
    return result;
}

/// The detail `name` of `result`, or nothing.
inline std::optional<double> detail(const MetricResult& result, const std::string& name) {
    for (const NamedValue& entry : result.details) {
        if (entry.name == name) return entry.value;
    }
    return std::nullopt;
}

}  // namespace bcbench
