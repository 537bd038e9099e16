// Groups freed of the names and the order of the categories: numbered by their first cell. What is computed from them
// in their order does not depend on how labels are called.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/groups.hpp"

namespace bcbench {

/// The groups of `labels`, as groups_of, numbered by their first cell.
Groups groups_by_first_cell(const Labels& labels, std::size_t n_cells, const std::string& what);

/// The groups among some cells, which are numbered 0, 1, ... as they stand in `cells`; numbered by their first cell.
Groups groups_among(const Groups& groups, const std::vector<std::uint32_t>& cells);

/// The values of labels, found in the order of their first cells: their mean, or `all_left_out` as the reason why there
/// is none; per_label in the order of the label column; and the detail `left_out`, the labels without a value.
MetricResult mean_of_labels(std::vector<LabelValue> by_first_cell, const Labels& label, const std::string& all_left_out);

}  // namespace bcbench
