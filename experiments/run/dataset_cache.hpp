// Datasets as the points of a run share them.
#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

/// A dataset in the arithmetic of the run; or the reason why it cannot be used.
struct LoadedDataset {
    /// float for float32, double for float64 and tf32: the one place that chooses the type for a precision. Empty where
    /// `error` says why.
    std::variant<std::shared_ptr<const Dataset<float>>, std::shared_ptr<const Dataset<double>>> data;
    std::string hash;
    std::string error;
    nlohmann::ordered_json joined = nullptr;                              // of several files
    nlohmann::ordered_json preprocess = nlohmann::ordered_json::array();  // what its steps found out
    std::vector<std::string> notes{};                                     // what a reader should know of the labels
    double load_seconds = 0.0;
    double preprocess_seconds = 0.0;
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

}  // namespace bcbench
