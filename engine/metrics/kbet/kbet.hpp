// kBET, the k-nearest-neighbour batch effect test (Buettner et al. 2019, "A test metric for assessing single-cell
// RNA-seq batch correction"), in the forms that scib-metrics and pegasus use: the batches of a cell's neighbourhood,
// the cell itself counted, against the shares of the batches.
//   t = sum_b (O_b - e_b)^2 / e_b,   O_b neighbours of batch b, e_b = k * share of b;   p = P(chi^2_{B-1} > t)
// The acceptance rate, the share of cells with p >= alpha, is 1 where all neighbourhoods look like all cells.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/groups.hpp"
#include "engine/metrics/result.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench::kbet {

struct Options {
    /// Neighbours of each cell, itself not counted: 49, which is the field's 50 that counts it. With fewer cells, all
    /// others. More test for coarser mixing.
    std::int64_t n_others = 49;
    /// Level of the test; larger rejects more neighbourhoods.
    double alpha = 0.05;
};

/// Throws std::invalid_argument unless n_others is at least 1 and 0 < alpha < 1.
void validate(const Options& options);

/// kBET without labels (OpenProblems: kbet_pg), in [0, 1]. per_cell holds t (chi_squared.hpp turns it into p), the
/// details the `degrees` of freedom and `limit`, the largest t that is accepted. Not applicable with one batch. Throws
/// std::invalid_argument if `neighbors` holds fewer than n_others.
MetricResult evaluate(const NeighborsView& neighbors, const Labels& batch, const Options& options = {},
                      const Ties& ties = {});

/// The same inside each label on new neighbours among the label's own cells [F x n] and with its own shares of batches,
/// as OpenProblems' kbet_pg_label: mean over labels, with per_label values. Labels of one batch are left out. Cells
/// that tie for the last places share them.
template <class Real>
MetricResult evaluate_per_label(const Matrix<Real>& cells, const Labels& label, const Labels& batch,
                                const Options& options = {});

/// evaluate on groups, which are at least two, and all of `neighbors`.
MetricResult acceptance(const NeighborsView& neighbors, const Groups& batch, double alpha, const Ties& ties = {});

}  // namespace bcbench::kbet
