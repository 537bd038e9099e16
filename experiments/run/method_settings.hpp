// What a method is told of the point that it is run for.
#pragma once

#include "experiments/bindings/method.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

MethodSettings settings_of(const Point& point, const Config& config);

}  // namespace bcbench
