// A metric as the mean over labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include "engine/core/types.hpp"
#include "engine/metrics/groups.hpp"

namespace bcbench {

/// The values of labels, found in the order of their first cells: their mean, or `all_left_out` as the reason why there
/// is none; per_label in the order of the label column; and the detail `left_out`, the labels without a value.
MetricResult mean_of_labels(std::vector<LabelValue> by_first_cell, const Labels& label,
                            const std::string& all_left_out);

}  // namespace bcbench
