// The table of checks: what a config may ask to be verified of every point, beside its metrics.
#pragma once

#include <span>
#include <string>

#include "engine/core/types.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

struct CheckDefinition {
    const char* name;  // also the name of its row: 1 holds, 0 does not
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> rows;  // the first is the check itself; those of direction `higher` say 1 (holds) or 0
};

std::span<const CheckDefinition> check_table();

const CheckDefinition& check_named(const std::string& name);

/// Whether `metric` is a row of a check that says 1 (holds) or 0.
bool is_pass_or_fail(const std::string& metric);

/// Runs the check called `name` on a fit and adds its rows to the record.
template <class Real>
void run_check(const std::string& name, const Dataset<Real>& data, const Fit<Real>& fit, Precision precision,
               PointRecord& record);

/// Whether a value of the record says that a check does not hold.
bool has_failed_check(const PointRecord& record);

}  // namespace bcbench
