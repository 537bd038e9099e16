// manifest.json: what ran, where, with what, and what came of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/run/run.hpp"

namespace bcbench {

/// Of the config with its defaults filled in.
std::string config_hash(const Config& config);

class Manifest {
  public:
    /// Notes the start of the run.
    Manifest(const Plan& plan, const RunOptions& options);

    /// The text of manifest.json; without a summary the run is not finished and the status `incomplete`.
    std::string text(const std::optional<RunSummary>& summary, const std::vector<PointRecord>& records) const;

  private:
    const Plan& plan_;
    const RunOptions& options_;
    std::string started_;
};

}  // namespace bcbench
