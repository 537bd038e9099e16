// The points of a plan in directories that are to be joined: which of several counts, and which do not belong there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/cluster/merge.hpp"
#include "experiments/cluster/sources.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// A few of many, and how many more.
class Examples {
  public:
    void add(const std::vector<std::string>& texts);
    std::size_t size() const { return n_; }
    std::string list() const;

  private:
    std::size_t n_ = 0;
    std::vector<std::string> texts_;
};

/// A point as the sources have it.
struct FoundPoint {
    std::optional<std::size_t> source;  // whose counts
    std::string text;                   // of its file there
    PointRecord record;
    std::uint64_t duplicates = 0;
    std::vector<std::string> damaged, foreign, conflicts;
};

/// The point `index` of the plan. What is damaged, another point's, or has other values than what counts, is noted.
FoundPoint find_point(const Plan& plan, std::uint64_t index, const std::vector<Source>& sources,
                      OnConflict on_conflict);

/// Bytes of the files that the sources have of each point.
std::vector<std::size_t> bytes_of_points(const std::vector<std::string>& ids, const std::vector<Source>& sources);

/// Throws std::invalid_argument if sources have different values of a point. Only points that several have are read.
void refuse_conflicts(const Plan& plan, const std::vector<std::uint64_t>& indices, const std::vector<Source>& sources);

}  // namespace bcbench
