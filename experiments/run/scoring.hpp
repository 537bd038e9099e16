// The metrics of a config on one embedding.
#pragma once

#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/config/config.hpp"
#include "experiments/results/outcome.hpp"

namespace bcbench {

/// Adds the rows of every metric of the corrected cells [F x n] to the record, and the values per cell if the config
/// asks for them; `before` are the same cells uncorrected, with their labels. With `holdout`, cells that a training
/// never saw, every metric also has a holdout_ row for them alone.
template <class Real>
void score_cells(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                 const std::vector<std::uint32_t>& holdout, Executed& executed);

/// The rows of all metrics without values, for the reason given.
void add_missing_scores(const Config& config, bool with_holdout, const std::string& reason, PointRecord& record);

/// Throws NumericalError naming a score that is not finite.
void require_finite(const std::vector<Score>& scores);

}  // namespace bcbench
