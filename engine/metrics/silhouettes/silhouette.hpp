// Silhouettes under the Euclidean distance (Rousseeuw 1987), as single-cell integration scores them (Luecken et al.
// 2022): of labels, and of the batches inside each label.
//   S_i(g) = sum of the distances of cell i to the cells of g,  m_g its number of cells
//   a_i = S_i(own) / (m_own - 1),  b_i = min over other groups of S_i(g) / m_g,  s_i = (b_i - a_i) / max(a_i, b_i)
// s_i = 0 for a cell that is alone in its group and where a_i = b_i = 0. One pass over all pairs of cells gives the
// sums for both groupings, and for isolated_labels. Each pair is computed once: n^2 F multiply-adds in single precision
// (half of that, in effect), sums in double. Memory: n x (labels + batches of the cell's own label) doubles; never n x
// n.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/metrics/groups.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::silhouette {

struct Options {
    /// Products and roots in double: about three times the time. In single precision a score is exact to 1e-6.
    bool in_double = false;
};

/// S_i of all cells. Distances are up to a common factor, which no silhouette depends on.
struct DistanceSums {
    Groups label;                                      // of all cells
    std::vector<std::string> label_names;              // of the categories that label.code counts
    std::vector<std::vector<std::size_t>> batch_size;  // [L][batches of the label] cells; empty without batches
    std::vector<std::uint32_t> own_batch;              // [n] the cell's batch among those of its label
    Matrix<double> to_label;                           // [L x n]
    std::vector<std::size_t> first_batch;              // [n] where the cell's sums in to_batch begin
    std::vector<double> to_batch;                      // of each cell: to the batches of its own label

    bool has_batches() const { return !batch_size.empty(); }
};

/// The sums for `cells` [F x n], which must be finite. Without `batch`, those of labels only. The same for any number
/// of threads.
template <class Real>
DistanceSums measure(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options = {});

/// s_i of the labels, at least two of them. [n]
std::vector<double> label_silhouettes(const DistanceSums& sums);

/// silhouette_label: (mean of s_i + 1) / 2, 1 for labels far apart; per cell and, as information, per label. Not
/// applicable with one label.
MetricResult silhouette_label(const DistanceSums& sums);

/// silhouette_batch: mean of 1 - |s_i| over the cells of a label, s_i between its batches, then over labels: 1 if
/// batches lie alike. A label with one batch, or with as many batches as cells, is left out (NaN per cell); not
/// applicable if none is left, or with one batch.
MetricResult silhouette_batch(const DistanceSums& sums);

}  // namespace bcbench::silhouette
