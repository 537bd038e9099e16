// The groups that labels make of cells, freed of the labels' names: categories without cells do not exist, and the
// others are numbered by their first cell, so that no metric depends on the names or the order of categories.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench {

struct Groups {
    std::vector<std::uint32_t> of_cell;               // [n] group of each cell
    std::vector<std::uint32_t> code;                  // [groups] what the group is in the labels
    std::vector<std::vector<std::uint32_t>> members;  // [groups] its cells, rising

    std::size_t count() const { return members.size(); }
};

/// The groups of all cells. Throws std::invalid_argument, naming the row and calling the labels `what`, unless `labels`
/// has `n_cells` codes that name a category each, none of which is the empty text: a missing label is no category.
Groups groups_of(const Labels& labels, std::size_t n_cells, const std::string& what = "labels");

/// The groups of `groups` among some cells, which are numbered 0, 1, ... as they stand in `cells`. `code` holds their
/// numbers in `groups`.
Groups groups_among(const Groups& groups, const std::vector<std::uint32_t>& cells);

/// Why a silhouette of the batches of a label of `n_cells` cells says nothing, or the empty text.
std::string without_batch_silhouette(std::size_t n_batches, std::size_t n_cells);

/// A value or a reason of a group, in the order of groups.
struct GroupValue {
    std::optional<double> value;
    std::string reason;
};

/// Sets value and per_label of `result`: the mean over the groups that have a value (in the order of groups)
/// and all groups in the order of `names`, which
/// their codes count. The value stays empty if no group has one. Sets no reason.
void set_mean_over_labels(const std::vector<GroupValue>& values, const Groups& groups,
                          const std::vector<std::string>& names, MetricResult& result);

}  // namespace bcbench
