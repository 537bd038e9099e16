// Results of one plan from several directories, joined into one. Nothing is computed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "experiments/plan/plan.hpp"
#include "experiments/results/record.hpp"
#include "experiments/run/run.hpp"

namespace bcbench {

/// What to do where two directories have different values of one point.
enum class OnConflict { refuse, first, last };

struct MergeOptions {
    std::vector<std::filesystem::path> sources;
    std::filesystem::path directory;  // results that it already has take part, after all others
    bool allow_mixed = false;         // results of several programs or kinds of machines may stand side by side
    OnConflict on_conflict = OnConflict::refuse;
    unsigned threads = 1;  // that read point files; results do not depend on it
};

struct MergeResult {
    std::shared_ptr<const Plan> plan;
    RunSummary summary;
    std::vector<PointRecord> records;  // in the order of the plan
    std::vector<std::string> missing;  // ids
    std::uint64_t duplicates = 0;      // points that several directories have, with the same values
    std::vector<std::string> notes;    // what a reader should know, one line each
};

/// Writes point files, arrays, tables and times as one run would have written them; all that is refused is refused
/// before anything is written. Throws std::invalid_argument for directories that do not belong together or are not
/// whole, FileError.
MergeResult merge_results(const MergeOptions& options);

}  // namespace bcbench
