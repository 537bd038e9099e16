// Small generated cells of two types.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/bindings/datasets.hpp"

namespace bcbench::testing {

inline Dataset<double> cells_of(const std::vector<std::int64_t>& per_batch, const std::vector<double>& shifts,
                                std::int64_t features = 6, std::uint64_t seed = 3) {
    return load_dataset(
        "gaussian_batches",
        {{{"n_cells_per_batch", per_batch}, {"batch_shifts", shifts}, {"n_types", 2}, {"n_features", features}},
         seed,
         ""});
}

}  // namespace bcbench::testing
