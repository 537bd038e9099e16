#include "engine/metrics/subgroups.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace bcbench {

namespace {

constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Groups groups_among(const Groups& groups, const std::vector<std::uint32_t>& cells) {
    std::vector<std::uint32_t> number(groups.count(), unseen);
    Groups found;
    found.code.reserve(cells.size());
    for (const std::uint32_t cell : cells) {
        std::uint32_t& group = number[groups.code[cell]];
        if (group == unseen) {
            group = static_cast<std::uint32_t>(found.count());
            found.size.push_back(0);
            found.names.push_back(groups.names[groups.code[cell]]);
        }
        found.code.push_back(group);
        ++found.size[group];
    }
    return found;
}

Groups groups_by_first_cell(const Labels& labels, std::size_t n_cells, const std::string& what) {
    const Groups groups = groups_of(labels, n_cells, what);
    std::vector<std::uint32_t> all(n_cells);
    for (std::size_t i = 0; i < n_cells; ++i) all[i] = static_cast<std::uint32_t>(i);
    return groups_among(groups, all);
}

MetricResult mean_of_labels(std::vector<LabelValue> by_first_cell, const Labels& label,
                            const std::string& all_left_out) {
    MetricResult result;
    result.value = mean_over_labels(by_first_cell);
    if (!result.value) result.reason = all_left_out;
    const auto without = std::count_if(by_first_cell.begin(), by_first_cell.end(),
                                       [](const LabelValue& each) { return !each.value; });
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
