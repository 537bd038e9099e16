// Which points of a plan one run executes: by pattern, by a list of ids, by its share of the work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/plan/cost.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

/// Shard `index` of `count`, counted from 1.
struct Shard {
    std::uint64_t index = 1;
    std::uint64_t count = 1;
};

/// "2/4". Throws ConfigError, naming --shard, for anything else.
Shard shard_from(const std::string& text);

struct Selection {
    std::string only;                   // patterns of ids; empty: all
    std::filesystem::path points_file;  // one id a line; empty: all
    std::optional<Shard> shard;         // of the points that are left
};

/// The indices of the selected points, in the order of the plan. A shard is a stretch of the plan that holds its share
/// of the estimated seconds, so that every dataset is loaded by as few shards as can be; the shards of one selection
/// are disjoint, together complete and the same on every machine, and may be empty if there are more of them than
/// points. Throws ConfigError if the plan is too large for one run, a pattern selects nothing, or the file names a
/// point that is not in the plan.
std::vector<std::uint64_t> selected_points(const Plan& plan, const Selection& selection, const CostEstimate& cost);

/// The ids in the text of a file of points: one a line, each an id, a row of `bcbench plan`, or an object of `bcbench
/// plan --format json`; empty lines are passed over. Throws ConfigError with the line for an object without id.
std::vector<std::string> ids_in(const std::string& text, const std::string& file);

}  // namespace bcbench
