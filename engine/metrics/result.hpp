// What a metric answers: a number, or the reason why there is none.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bcbench {

/// A metric that could be computed has a value; one that is not applicable says why instead. Never 0, 1 or NaN in place
/// of "cannot be computed".
struct MetricValue {
    std::optional<double> value;
    std::string reason;  // empty if there is a value
};

/// The share of one label in a metric.
struct LabelValue {
    std::string label;
    std::optional<double> value;  // none: the label was left out
    std::string reason;           // why it was left out; empty if it has a value
};

struct NamedValue {
    std::string name;
    double value = 0.0;
};

/// A MetricValue with what it was made of.
struct MetricResult : MetricValue {
    std::vector<double> per_cell;       // [n], or empty if the metric has none; NaN for a cell that has no value
    std::vector<LabelValue> per_label;  // [labels with cells] in the order of the column, or empty if it has none
    std::vector<NamedValue> details;    // further numbers, each explained where the metric is declared
    std::vector<std::string> warnings;  // what a reader of the value should know
};

inline MetricResult not_applicable(std::string reason) {
    MetricResult result;
    result.reason = std::move(reason);
    return result;
}

/// The detail `name` of `result`, or nothing.
inline std::optional<double> detail_of(const MetricResult& result, const std::string& name) {
    for (const NamedValue& entry : result.details) {
        if (entry.name == name) return entry.value;
    }
    return std::nullopt;
}

}  // namespace bcbench
