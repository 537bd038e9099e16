// CiLISI (Andreatta et al. 2024, "Semi-supervised integration of single-cell transcriptomics data"): LISI of the
// batches inside each label, so that it does not ask for mixing of cells that ought to be apart, nor for batches that
// do not have the label.
//   (LISI_i - 1) / (b_l - 1),   LISI among the cells of i's own label l, which occurs in b_l batches
// Labels of fewer than 10 cells or of one batch are left out. The R package returns nothing for labels of up to 90
// cells; here all other cells of such a label are neighbours and the perplexity is a third of them.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::cilisi {

struct Options {
    /// Neighbours of each cell inside its label, itself not counted; all others if there are fewer. The perplexity is a
    /// third of them, rounded down.
    std::int64_t n_others = 90;
    /// Cells that tie for the last places share them; if not, the first by number have them.
    bool share_ties = true;
};

/// Throws std::invalid_argument unless n_others is at least 3.
void validate(const Options& options);

struct Result {
    /// `cilisi`: mean over the cells of all labels that count. per_cell values, NaN where a cell has none (all weights
    /// underflow, or its label was left out).
    MetricResult over_cells;
    /// `cilisi_means`: mean over labels of the means of their cells; per_label values and the detail `left_out`.
    MetricResult over_labels;
};

/// Both lie between 0 and 1. Not applicable if every label is left out. Exact neighbours among the cells [F x n] of
/// each label. Throws std::invalid_argument on bad options or shapes,
/// NumericalError if a cell is not finite.
template <class Real>
Result evaluate(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options = {});

}  // namespace bcbench::cilisi
