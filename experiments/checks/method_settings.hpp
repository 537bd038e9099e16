// What a config says of a point: how its method is called, and what it leaves.
#pragma once

#include "experiments/bindings/method.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/results/directory.hpp"

namespace bcbench {

MethodSettings settings_of(const Point& point, const Config& config);

/// The files that the config makes a point leave beside its own.
PointFiles files_of(const Point& point, const Config& config);

}  // namespace bcbench
