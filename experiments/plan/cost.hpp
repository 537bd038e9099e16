// What a point will take, estimated before it is run: hints for whoever shares out the work.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/plan/plan.hpp"

namespace bcbench {

struct Cost {
    double seconds = 0.0;    // of one processor, without loading the dataset
    double memory_mb = 0.0;  // largest resident size of a process that runs it
    unsigned threads = 1;    // that are worth giving it
};

/// What points of an earlier run took, by id.
using MeasuredCosts = std::map<std::string, Cost>;

/// Seconds of one processor for these metrics of n cells with f features; the order of magnitude.
double seconds_of_metrics(const std::vector<MetricEntry>& metrics, double n, double f);

/// Estimates from the size of the data (of files: from their sizes on disk) and from the parameters that say how long a
/// method works: iterations, clusters, steps, units. Good to a factor of a few, which is enough to balance and to ask a
/// scheduler for room. A point that was measured takes what it took; other points of its method are corrected by
/// the median of measured over estimated.
class CostEstimate {
  public:
    /// `plan` must outlive this.
    explicit CostEstimate(const Plan& plan, MeasuredCosts measured = {});

    Cost of(const Point& point) const;

  private:
    struct DataSize {
        double cells = 0.0;
        double features = 0.0;
    };
    const DataSize& size_of_data(const Point& point) const;
    Cost estimated(const Point& point) const;

    const Plan& plan_;
    MeasuredCosts measured_;
    std::map<std::string, double> corrections_;      // by label of the method
    mutable std::map<std::string, DataSize> sizes_;  // by dataset_id
};

}  // namespace bcbench
