// What the points of earlier results took, for estimates of what is still to be done.
#pragma once

#include <filesystem>

#include "experiments/plan/cost.hpp"

namespace bcbench {

/// Seconds of all stages but `load`, and the largest resident size, of every point in `path`: a timings.csv, or a
/// results directory that has one. Rows that are not whole are passed over. Throws FileError if there is no such file.
MeasuredCosts measured_costs(const std::filesystem::path& path);

}  // namespace bcbench
