// Cells in groups: what the metrics of batches and cell types share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench {

/// The categories of a label column that at least one cell has. A category without cells does not exist.
struct Groups {
    std::vector<std::uint32_t> code;  // [n] the group of each cell
    std::vector<std::size_t> size;    // [G] cells of each group, at least 1
    std::vector<std::string> names;   // [G] in the order of the column's categories

    std::size_t count() const { return size.size(); }
};

/// The groups of `labels`. Throws std::invalid_argument, calling the column `what`, unless there is one label per cell,
/// each naming a category, and none of them the empty text (which stands for a missing label).
Groups groups_of(const Labels& labels, std::size_t n_cells, const std::string& what);

/// The cells of each group, in order. [G]
std::vector<std::vector<std::uint32_t>> cells_of(const Groups& groups);

/// The cells of one label that are of one batch.
struct LabelBatch {
    std::uint32_t batch = 0;
    std::vector<std::uint32_t> cells;  // in order
};

/// For each label its batches, in the order of the batch column. [L][batches of the label]
std::vector<std::vector<LabelBatch>> batches_of_labels(const Groups& label, const Groups& batch);

/// Why a silhouette of the batches of a label of `n_cells` cells says nothing, or the empty text.
std::string without_batch_silhouette(std::size_t n_batches, std::size_t n_cells);

/// The mean over the labels that have a value; nothing if none has.
std::optional<double> mean_over_labels(const std::vector<LabelValue>& values);

}  // namespace bcbench
