// kSIM (Li et al. 2020, Pegasus): how far the neighbourhoods of cells are of their own label.
//   r_i = share of the k nearest cells of i, i itself counted, that have i's label
// OpenProblems reports the mean of r and the share of cells with r >= 0.9.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench::ksim {

struct Options {
    /// Neighbours of each cell, itself not counted: 24, which is the field's 25 that counts it; counting the cell at
    /// most the square root of the number of cells. More ask for larger pure surroundings.
    std::int64_t n_others = 24;
    /// The share of its own label at which a cell is accepted.
    double accepted_share = 0.9;
};

/// Throws std::invalid_argument unless n_others is at least 1 and accepted_share lies in [0, 1].
void validate(const Options& options);

/// The mean of r, in (0, 1], with r per_cell; details: the `accept_rate` and `n_others` as they were used. Always
/// applicable. Throws std::invalid_argument on bad options or shapes.
MetricResult evaluate(const NeighborsView& neighbors, const Labels& label, const Options& options = {},
                      const Ties& ties = {});

/// Neighbours of each of `n_cells` cells that count, itself not among them.
std::int64_t others_that_count(const Options& options, std::size_t n_cells);

}  // namespace bcbench::ksim
