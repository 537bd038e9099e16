#include "engine/metrics/label_means.hpp"

#include <algorithm>
#include <utility>

namespace bcbench {

MetricResult mean_of_labels(std::vector<LabelValue> by_first_cell, const Labels& label,
                            const std::string& all_left_out) {
    MetricResult result;
    double sum = 0.0;
    for (const LabelValue& each : by_first_cell) sum += each.value.value_or(0.0);
    const auto without =
        std::count_if(by_first_cell.begin(), by_first_cell.end(), [](const LabelValue& each) { return !each.value; });
    const auto n_used = static_cast<double>(by_first_cell.size()) - static_cast<double>(without);
    if (n_used > 0.0) result.value = sum / n_used;
    if (!result.value) result.reason = all_left_out;
    result.details.push_back({"left_out", static_cast<double>(without)});
    const auto place = [&](const LabelValue& value) {
        return std::find(label.names.begin(), label.names.end(), value.label);
    };
    std::stable_sort(by_first_cell.begin(), by_first_cell.end(),
                     [&](const LabelValue& a, const LabelValue& b) { return place(a) < place(b); });
    result.per_label = std::move(by_first_cell);
    return result;
}

}  // namespace bcbench
