#include "engine/metrics/groups.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace bcbench {

namespace {

// The groups of cells 0 .. n-1 whose categories are code_of(0) .. code_of(n-1), all below `n_codes`.
template <class CodeOf>
Groups numbered_by_first_cell(std::size_t n, std::size_t n_codes, const CodeOf& code_of) {
    constexpr std::uint32_t unseen = 0xffffffffU;
    std::vector<std::uint32_t> number(n_codes, unseen);
    Groups groups;
    groups.of_cell.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t code = code_of(i);
        if (number[code] == unseen) {
            number[code] = static_cast<std::uint32_t>(groups.count());
            groups.code.push_back(code);
            groups.members.emplace_back();
        }
        groups.of_cell[i] = number[code];
        groups.members[number[code]].push_back(static_cast<std::uint32_t>(i));
    }
    return groups;
}

}  // namespace

Groups groups_of(const Labels& labels, std::size_t n_cells, const std::string& what) {
    if (labels.code.size() != n_cells) {
        throw std::invalid_argument("there are " + std::to_string(labels.code.size()) + " " + what + " for " +
                                    std::to_string(n_cells) + " cells");
    }
    for (std::size_t i = 0; i < n_cells; ++i) {
        const std::uint32_t code = labels.code[i];
        if (code < labels.count() && !labels.names[code].empty()) continue;
        throw std::invalid_argument("cell " + std::to_string(i) + " among the " + what +
                                    (code < labels.count() ? " has an empty label"
                                                           : " has the category " + std::to_string(code) + " of " +
                                                                 std::to_string(labels.count())));
    }
    return numbered_by_first_cell(n_cells, labels.count(), [&](std::size_t i) { return labels.code[i]; });
}

Groups groups_among(const Groups& groups, const std::vector<std::uint32_t>& cells) {
    return numbered_by_first_cell(cells.size(), groups.count(),
                                  [&](std::size_t i) { return groups.of_cell[cells[i]]; });
}

std::string without_batch_silhouette(std::size_t n_batches, std::size_t n_cells) {
    if (n_batches == 1) return "the label occurs in one batch only";
    if (n_batches == n_cells) return "each cell of the label is of another batch";
    return {};
}

void set_mean_over_labels(const std::vector<GroupValue>& values, const Groups& groups,
                          const std::vector<std::string>& names, MetricResult& result) {
    double sum = 0.0;
    std::size_t count = 0;
    for (const GroupValue& each : values) {
        if (!each.value) continue;
        sum += *each.value;
        ++count;
    }
    if (count > 0) result.value = sum / static_cast<double>(count);
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&groups](std::size_t a, std::size_t b) { return groups.code[a] < groups.code[b]; });
    for (const std::size_t g : order) {
        result.per_label.push_back({names[groups.code[g]], values[g].value, values[g].reason});
    }
}

}  // namespace bcbench
