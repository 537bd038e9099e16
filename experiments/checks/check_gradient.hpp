// The check "gradient" of one fit: against differences, and in the run's arithmetic against float64.
#pragma once

#include "engine/core/types.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// Adds the rows of the check to the record; where it fails, also why.
template <class Real>
void check_gradient_of_fit(const Fit<Real>& fit, Precision precision, PointRecord& record);

}  // namespace bcbench
