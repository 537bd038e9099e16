// What is in a file, read by the worker.
#pragma once

#include <nlohmann/json.hpp>

#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

/// The fields of H5adSummary as JSON. A column or matrix that cannot be read has a "fault" instead of its content.
nlohmann::json summary_of(const File& file);

}  // namespace bcbench::h5ad
