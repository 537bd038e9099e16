// What a run prints on stdout: the documented tables in the documented form, from the records alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "experiments/plan/plan.hpp"
#include "experiments/results/expected.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// `base` are the points that stand for their method where methods are compared (Plan::base_points). Points that differ
/// in the method's seed alone are one row, mean ± standard deviation, unless `every_seed` is asked for.
std::string terminal_report(const Config& config, const std::vector<PointRecord>& records,
                            const std::set<std::string>& base, const std::vector<Comparison>& comparisons,
                            bool every_seed);

}  // namespace bcbench
