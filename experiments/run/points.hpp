// The points of a run, computed by several threads and put on disk by one, in groups.
#pragma once

#include <cstdint>
#include <exception>
#include <vector>

#include "experiments/results/claims.hpp"
#include "experiments/results/directory.hpp"
#include "experiments/run/profile.hpp"
#include "experiments/run/run.hpp"

namespace bcbench {

struct PointsRun {
    RunSummary summary;
    Profile profile;         // of the points that were computed
    std::vector<bool> done;  // by position in `indices`: the point's file is that of this run or stands from an earlier
    std::exception_ptr error{};  // what ended the run, if it is not a point's own: a full disk
};

/// Computes the points `indices` of the plan that an earlier run has not finished, and writes them. A point
/// counts once its files are complete on disk. Stops early on a signal, on a failed point if the options say
/// so, and on an error that is not a point's own. With `claims` each point is claimed before it is computed; those that
/// other processes have are waited for, and taken over should they die. A point that failed before is then tried again
/// by one of them, one that failed meanwhile is not.
PointsRun run_points(const Plan& plan, const RunOptions& options, const std::vector<std::uint64_t>& indices,
                     ResultsDirectory& results, Claims* claims = nullptr);

}  // namespace bcbench
