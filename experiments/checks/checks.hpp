// The checks that a config may ask for (bindings/checks.hpp lists them), on one fit.
#pragma once

#include <string>

#include "engine/core/types.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// Runs the check called `name` on a fit and adds its rows to the record.
template <class Real>
void run_check(const std::string& name, const Fit<Real>& fit, Precision precision, PointRecord& record);

/// Whether a value of the record says that a check does not hold.
bool has_failed_check(const PointRecord& record);

}  // namespace bcbench
