// BRAS, the batch-removal adapted silhouette (Rautenstrauch and Ohler 2025, "Shortcomings of silhouette in single-cell
// integration benchmarking"): inside each label, how little nearer the cells of the own batch are than those of others.
// Distances are cosine distances d = 1 - x.y / (|x| |y|) about the origin, so it matters whether the cells are centred.
//   a_i = mean d to the own batch's other cells of the label,  b_i = mean d to the label's cells of other batches
//   s_i = (b_i - a_i) / max(a_i, b_i);  mean over cells of 1 - |s_i|, then over labels
// The sums of distances have a closed form: with u = x / |x| and U the sum of u over m cells, they are m - u_i.U. No
// pair is computed: time O(n F), or O(n F x batches of the label) with `furthest`.
#pragma once

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::bras {

enum class Between {
    mean_other,  // b_i: mean over all cells of the other batches
    furthest     // b_i: the largest of the other batches' mean distances
};

struct Options {
    Between between = Between::mean_other;
};

/// The metric in [0, 1], with values per cell (NaN where the label is left out) and per label. A label with one batch,
/// or with as many batches as cells, is left out; not applicable if none is left. s_i is 0 for a cell that is alone in
/// its batch and where a_i = b_i = 0. A cell at the origin has distance 1 to every other cell. `cells` [F x n] must be
/// finite.
template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options = {});

}  // namespace bcbench::bras
