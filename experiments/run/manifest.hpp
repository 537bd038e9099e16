// manifest.json: what ran, where, with what, and what came of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/run/run.hpp"

namespace bcbench {

/// The hash of a config with its defaults filled in: equal for configs with the same points and values.
std::string config_hash(const Config& config);

class Manifest {
  public:
    /// Notes the start of the run.
    Manifest(const Plan& plan, const RunOptions& options, std::vector<ExpectedValue> expected = {});

    /// The text of manifest.json; without a summary the run is not finished and the status `incomplete`.
    std::string text(const std::optional<RunSummary>& summary, const std::vector<PointRecord>& records) const;

  private:
    const Plan& plan_;
    const RunOptions& options_;
    std::vector<ExpectedValue> expected_;
    std::string started_;
};

/// {"expected", "ok", ...} and the list of points that are not ok, as they stand in manifest.json.
nlohmann::ordered_json counts_json(const RunSummary& summary);
nlohmann::ordered_json problems_json(const std::vector<PointRecord>& records);
/// What a reader should know of the labels of each dataset, said once.
nlohmann::ordered_json warnings_json(const std::vector<PointRecord>& records);

}  // namespace bcbench
