#include "engine/metrics/groups.hpp"

#include <limits>
#include <stdexcept>

namespace bcbench {

Groups groups_of(const Labels& labels, std::size_t n_cells, const std::string& what) {
    if (labels.code.size() != n_cells) {
        throw std::invalid_argument("the column " + what + " has " + std::to_string(labels.code.size()) +
                                    " labels for " + std::to_string(n_cells) + " cells");
    }
    for (std::size_t i = 0; i < n_cells; ++i) {
        const std::string row = "row " + std::to_string(i + 1) + " of the column " + what;
        if (labels.code[i] >= labels.count()) {
            throw std::invalid_argument(row + " has the category " + std::to_string(labels.code[i]) + " of " +
                                        std::to_string(labels.count()));
        }
        if (labels.names[labels.code[i]].empty()) throw std::invalid_argument(row + " has no label");
    }
    const std::vector<std::size_t> sizes = label_sizes(labels);
    Groups groups;
    std::vector<std::uint32_t> group(labels.count(), std::numeric_limits<std::uint32_t>::max());
    for (std::size_t category = 0; category < sizes.size(); ++category) {
        if (sizes[category] == 0) continue;
        group[category] = static_cast<std::uint32_t>(groups.count());
        groups.size.push_back(sizes[category]);
        groups.names.push_back(labels.names[category]);
    }
    groups.code.reserve(n_cells);
    for (const std::uint32_t category : labels.code) groups.code.push_back(group[category]);
    return groups;
}

std::vector<std::vector<std::uint32_t>> cells_of(const Groups& groups) {
    std::vector<std::vector<std::uint32_t>> cells(groups.count());
    for (std::size_t g = 0; g < cells.size(); ++g) cells[g].reserve(groups.size[g]);
    for (std::uint32_t i = 0; i < groups.code.size(); ++i) cells[groups.code[i]].push_back(i);
    return cells;
}

std::vector<std::vector<LabelBatch>> batches_of_labels(const Groups& label, const Groups& batch) {
    std::vector<std::vector<LabelBatch>> labels(label.count());
    const std::vector<std::vector<std::uint32_t>> of_label = cells_of(label);
    std::vector<std::vector<std::uint32_t>> of_batch(batch.count());
    for (std::size_t l = 0; l < labels.size(); ++l) {
        for (const std::uint32_t i : of_label[l]) of_batch[batch.code[i]].push_back(i);
        for (std::uint32_t b = 0; b < of_batch.size(); ++b) {
            if (of_batch[b].empty()) continue;
            labels[l].push_back({b, std::move(of_batch[b])});
            of_batch[b].clear();
        }
    }
    return labels;
}

std::string without_batch_silhouette(std::size_t n_batches, std::size_t n_cells) {
    if (n_batches == 1) return "the label occurs in one batch only";
    if (n_batches == n_cells) return "each cell of the label is of another batch";
    return {};
}

std::optional<double> mean_over_labels(const std::vector<LabelValue>& values) {
    double sum = 0.0;
    std::size_t count = 0;
    for (const LabelValue& each : values) {
        if (!each.value) continue;
        sum += *each.value;
        ++count;
    }
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
}

}  // namespace bcbench
