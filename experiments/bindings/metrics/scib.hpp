// What the bindings of the field's metrics share.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "engine/metrics/result.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/metric.hpp"

namespace bcbench::metrics {

/// The row of a result: its value, or why there is none.
inline Score row_of(const ScoreRow& row, const std::optional<double>& value, const std::string& reason) {
    return value ? score(row, *value) : not_applicable(row, reason);
}

/// The first row from the result's value, the others from its details, `details` being their names there.
inline MetricOutput output_of(std::span<const ScoreRow> rows, const MetricResult& result,
                              std::initializer_list<const char*> details = {}) {
    MetricOutput output;
    output.scores.push_back(row_of(rows[0], result.value, result.reason));
    std::size_t next = 1;
    for (const char* name : details)
        output.scores.push_back(row_of(rows[next++], detail_of(result, name), result.reason));
    if (!result.per_cell.empty()) output.per_cell.push_back({rows[0].name, result.per_cell});
    for (const LabelValue& label : result.per_label) {
        output.per_label.push_back({rows[0].name, label.label, label.value, label.reason});
    }
    for (const std::string& warning : result.warnings) {
        output.notes.push_back(std::string(rows[0].name) + ": " + warning);
    }
    return output;
}

}  // namespace bcbench::metrics
