// How far the work on a plan is, seen from outside.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiments/plan/cost.hpp"

namespace bcbench {

struct Status {
    std::uint64_t expected = 0;       // points of the plan
    std::uint64_t done = 0;           // ok or skipped
    std::uint64_t running = 0;        // claimed by a process that cooperates, and not done
    std::uint64_t missing = 0;        // neither of these nor failed
    std::vector<std::string> failed;  // ids
    unsigned workers = 0;             // processes that cooperate
    double seconds_left = 0.0;        // estimated, shared by the workers (one, if none says it is there)

    std::string text() const;
};

/// Looks at results directories of one plan, whose points count together: that of one run, or of several shards. Takes
/// the points' own word for it: a file of an earlier config counts as done. Throws like merge_results for
/// directories without results, or of different configs.
Status status_of(const std::vector<std::filesystem::path>& directories);

}  // namespace bcbench
