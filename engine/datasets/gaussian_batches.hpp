// Gaussian cell types seen in shifted batches: the documented synthetic dataset.
//   cell = type_signal on the type's own block of features + batch_shifts[batch] on all features + noise_sd * N(0, 1)
// Blocks are contiguous and floor(n_features / n_types) wide, the last one takes the rest. Cells are ordered by
// batch, then type. All arithmetic is float32, whatever the precision of the run.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::gaussian_batches {

struct Options {
    /// Cells of each batch: one number for all batches, or one per batch. Each batch holds
    /// floor(n_cells_per_batch / n_types) cells of each type.
    std::vector<std::int64_t> n_cells_per_batch = {50};
    /// Cell types; more types make narrower feature blocks.
    std::int64_t n_types = 2;
    /// Features of each cell.
    std::int64_t n_features = 30;
    /// Expression of a type on its own features; larger separates the types further.
    double type_signal = 5.0;
    /// Constant added to every feature of a batch, one per batch; larger differences are harder to correct.
    std::vector<double> batch_shifts = {0.0, 3.0};
    /// Standard deviation of the noise of every entry.
    double noise_sd = 0.5;
};

/// Throws std::invalid_argument if the options contradict each other.
void validate(const Options& options);

/// Cells of each batch. [B]
std::vector<std::size_t> batch_sizes(const Options& options);

/// The dataset of `seed`; batches are named "0", "1", ..., types likewise.
Dataset<float> generate(const Options& options, std::uint64_t seed);

}  // namespace bcbench::gaussian_batches
