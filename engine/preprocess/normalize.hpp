// Counts to comparable expression: scanpy's normalize_total and log1p.
#pragma once

#include <optional>

#include "engine/preprocess/cells.hpp"

namespace bcbench::preprocess {

struct NormalizeTotalOptions {
    /// The sum that every cell gets, > 0; none: the median of the cells' own sums, those without counts aside.
    std::optional<double> target_sum;
};

/// Throws DataError unless the values can be counts: none negative, and at most 1 % of those that are not zero with a
/// fraction, unless the largest is so large (above 30) that no logarithm has been taken. Data that are log-normalised
/// already would be so twice, and nobody would see it.
void require_counts(const Cells& cells);

/// Scales every cell to the same sum; a cell without counts stays as it is. Returns the sum. Throws OptionError for a
/// target that is not positive, DataError if no cell has a count.
double normalize_total(Cells& cells, const NormalizeTotalOptions& options);

/// x -> ln(1 + x), of values >= 0. Throws DataError for others.
void log1p(Cells& cells);

}  // namespace bcbench::preprocess
