// Where the time of a run goes: stages of its points added up, by method.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "experiments/run/execute.hpp"

namespace bcbench {

struct ProfileRow {
    std::string method;  // label; empty for loading data
    std::string stage;
    std::uint64_t n_times = 0;
    double seconds = 0.0;
    double operations = 0.0;           // floating-point
    std::uint64_t peak_rss_bytes = 0;  // of the process, when the stage had last ended
};

class Profile {
  public:
    /// Adds the stages of a point that was computed, given the id of its dataset and the label of its method. Points
    /// share a dataset: its loading is added once.
    void add(const std::string& dataset, const std::string& method, const std::vector<StageTime>& times);

    /// A table of the rows and of what `wall_seconds` leaves over: planning, writing, tables.
    std::string text(double wall_seconds) const;

  private:
    std::vector<ProfileRow> rows_;
    std::set<std::string> datasets_;
};

}  // namespace bcbench
