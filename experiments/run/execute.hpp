// Running one point: dataset, method, metrics and checks, timed. The one place that catches errors of a point.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/io/npy.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

struct StageTime {
    std::string stage;  // load, fit, metrics, gradient, checks, projection
    std::uint64_t repeat = 0;
    double seconds = 0.0;
    std::uint64_t peak_rss_bytes = 0;
    double operations = 0.0;  // floating-point, of the whole process meanwhile
};

/// A dataset as the points share it, in the arithmetic of the run; or the reason why it cannot be used.
struct LoadedDataset {
    Dataset<float> single;    // filled for float32
    Dataset<double> doubled;  // filled for float64 and tf32
    std::string hash;
    std::string error;
    double load_seconds = 0.0;
};

/// Loads each dataset once for the consecutive points that need it. Safe to use from several threads.
class DatasetCache {
  public:
    explicit DatasetCache(const Config& config) : config_(config) {}
    std::shared_ptr<const LoadedDataset> load(const Point& point);

  private:
    const Config& config_;
    std::mutex mutex_;
    std::string id_;
    std::shared_ptr<const LoadedDataset> loaded_;
};

struct Executed {
    PointRecord record;
    std::vector<StageTime> times;
    std::optional<arma::mat> embedding;  // [F x n] corrected cells, if the config asks for them
    npy::NamedArrays model;              // trained parameters, if the `train` block asks for them; else empty
};

/// Hash of everything that decides the values and times of a point: its labels and resolved parameters, the metrics,
/// checks and repeats asked for, the data and the program.
std::string fingerprint_of(const Point& point, const Config& config, const std::string& data_hash);

/// Runs the point; every error becomes a failed record with its reason. Asks at checkpoints
/// (engine/core/checkpoint.hpp) whether to go on; what a checkpoint throws that is no std::exception passes through.
Executed execute(const Point& point, const Config& config, const LoadedDataset& loaded);

/// The record of a point that is not run: `status` skipped or failed, the rows of every metric and check of the config
/// that are known without data.
PointRecord record_without_values(const Point& point, const Config& config, PointStatus status, std::string reason);

}  // namespace bcbench
