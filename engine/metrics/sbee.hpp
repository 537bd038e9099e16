// sBEE, the single-cell batch effect evaluation of scib-metrics 0.6: for cell i of label l and batch b,
//   js    = Jensen-Shannon distance (base 2) between the batches among the cells of l in its neighbourhood, itself
//           counted, and those of l as a whole
//   intra = median distance to the other cells of (l, b);  inter = median distance to the cells of l in other batches
//   ratio = exp(-(1 - min(1, intra / inter)) / 0.15),  0 where a median is 0 or there is none
//   score = harmonic mean of 1 - js and ratio
// Averaged within (l, b), over the batches of l, over labels. 1 is best. All pairs of cells of a label: n_l^2 F
// operations and n_l^2 steps of selection; no array of all pairs is kept.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/neighbors.hpp"

namespace bcbench::sbee {

struct Options {
    /// Neighbours of each cell, itself not counted: 89, which is the field's 90 that counts it. In a label of fewer
    /// cells the neighbourhood has as many cells as the label.
    std::int64_t n_others = 89;
};

/// Throws std::invalid_argument unless n_others is at least 1.
void validate(const Options& options);

/// The score, in [0, 1], per_cell and per_label (labels are never left out). With one batch every cell scores 1, but 0
/// where it is alone in its label or the median distance is 0. `neighbors` are those of `cells` [F x n]. Sums are in
/// double; distances, too, which come from products of centred cells: to about 1e-7 of the label's radius where they
/// are much smaller than it, exact where the median is 0. Throws std::invalid_argument on bad options or shapes,
/// NumericalError if a cell is not finite.
template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const NeighborsView& neighbors, const Labels& label,
                      const Labels& batch, const Options& options = {});

}  // namespace bcbench::sbee
