// What a point of a config leaves in the results directory.
#pragma once

#include "experiments/plan/plan.hpp"
#include "experiments/results/directory.hpp"

namespace bcbench {

/// The files beside the point's own that the config asks for.
FilesOfPoint files_of(const Point& point, const Config& config);

}  // namespace bcbench
