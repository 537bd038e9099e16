// Running one point: dataset, method, metrics and checks, timed. The one place that catches errors of a point.
#pragma once

#include <string>

#include "experiments/plan/plan.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/results/outcome.hpp"
#include "experiments/run/dataset_cache.hpp"

namespace bcbench {

/// What a point that is ok leaves beside its point file, unless its method does not apply.
PointFiles files_wanted(const Point& point, const Config& config);

/// Runs the point; every error becomes a failed record with its reason. Asks at checkpoints
/// (engine/core/checkpoint.hpp) whether to go on; what a checkpoint throws that is no std::exception passes through.
Executed execute(const Point& point, const Config& config, const LoadedDataset& loaded);

/// Scores the corrected cells that an earlier run of the same fit left, `embedding`, with the metrics of the config.
/// `earlier` is that run's record: what the fit and its checks gave stands. Throws like a metric.
Executed score_again(const Point& point, const Config& config, const LoadedDataset& loaded, const PointRecord& earlier,
                     Embedding embedding);

/// The record of a point without values: `status` skipped or failed, or ok if its method does not apply to its data;
/// the rows of every metric and check of the config that are known without data.
PointRecord record_without_values(const Point& point, const Config& config, PointStatus status, std::string reason);

}  // namespace bcbench
