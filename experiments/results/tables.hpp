// The tables of a results directory: a function of its point files and of the order of the plan.
#pragma once

#include <string>
#include <vector>

#include "experiments/results/directory.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

/// Writes metrics.csv, projections.csv (or removes it, if there are to be none) and orders timings.csv, from the files
/// of the points `ids`, in this order. The projections, which hold every cell of every point, are never held as a
/// whole. Returns the records without projections and traces. Throws FileError, also if a point's file is not there.
std::vector<PointRecord> write_tables(const ResultsDirectory& results, const std::vector<std::string>& ids,
                                      bool with_projections);

}  // namespace bcbench
