// What programs read: plans and validations as JSON, one object a line.
#pragma once

#include <string>

#include "experiments/plan/cost.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

/// A point of the plan: {"schema_version", "id", "fingerprint", "dataset", "method", "precision", "params", "swept",
/// "group", "skipped", "files", "outputs", "cost"}, as results/README.md says. `fingerprint` is a hash of everything
/// that decides the point but the contents of its data files.
std::string plan_line(const Point& point, const Config& config, const CostEstimate& cost);

/// A config without faults: {"file", "valid", "points", "faults", "notes"}.
std::string validation_line(const std::string& file, const Plan& plan);

/// A config with faults, each {"pointer", "message"}; of a fault that is no single value's, the pointer is "".
std::string validation_line(const std::string& file, const ConfigError& error);

}  // namespace bcbench
