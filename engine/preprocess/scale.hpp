// Every gene to unit variance: scanpy's scale.
#pragma once

#include <optional>

#include "engine/preprocess/cells.hpp"

namespace bcbench::preprocess {

struct ScaleOptions {
    /// Subtract the mean of every gene first. Zeros are then zeros no more, and the cells take [F x n] numbers.
    bool zero_center = true;
    /// What exceeds it in size is set to it (only what is larger, without zero_center), > 0; none: nothing is.
    std::optional<double> max_value;
};

/// x -> (x - mean) / sd of each gene, sd with n - 1; a gene that does not vary is divided by 1. Throws OptionError for
/// a max_value that cannot be, DataError for fewer than two cells.
void scale(Cells& cells, const ScaleOptions& options);

}  // namespace bcbench::preprocess
