// Isolated labels (Luecken et al. 2022): whether the labels that occur in the fewest batches stay apart from all
// others.
//   mean over isolated labels of the mean over their cells of (s_i + 1) / 2, s_i the silhouette of labels
// A label is isolated if it occurs in at most t batches, t being the smallest number of batches of any label. If all
// labels occur in equally many, all are isolated, and the metric is the silhouette averaged over labels.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"
#include "engine/metrics/silhouettes/silhouette.hpp"

namespace bcbench::isolated_labels {

struct Options {
    /// t; more batches take more labels for isolated. None: the smallest number of batches of any label.
    std::optional<std::int64_t> n_max_batches;
};

/// The metric in [0, 1], with per_label values for the labels used and the details `n_max_batches` (t) and `n_labels`
/// (used). `sums` are measured with batches. Not applicable with one label, or if no label is isolated. Warns of
/// isolated labels with fewer than 10 cells. Throws std::invalid_argument unless n_max_batches is at least 1.
MetricResult evaluate(const silhouette::DistanceSums& sums, const Options& options = {});

}  // namespace bcbench::isolated_labels
