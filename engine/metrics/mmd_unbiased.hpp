// The maximum mean discrepancy between batches of any embedding, so that it compares between methods: unlike the
// documented mmd_loss it is of the cells themselves and not of a latent space, counts no zero rows, looks at all pairs
// of batches, and measures distances in the unit of the cells.
//   MMD^2(a, b) = mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j)
//   k(u, v) = exp(-|u - v|^2 / (2 w^2)),  w = median distance between cells
// The unbiased estimator of Gretton et al. 2012 (JMLR 13), which is about 0, and may be below, where batches agree.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/metrics/result.hpp"

namespace bcbench::mmd_unbiased {

struct Options {
    /// Cells of each batch that are looked at, one at random of each of as many stretches; the cost grows with its
    /// square. More are steadier.
    std::int64_t max_cells = 2000;
};

/// Throws std::invalid_argument unless max_cells is at least 2.
void validate(const Options& options);

/// The mean of MMD^2 over all pairs of batches with at least two cells, in [-1, 2]; detail `bandwidth`. Not applicable
/// where there are fewer than two such batches, or half of all pairs of cells lie at the same place. `cells` [F x n].
template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const Labels& batch, const Options& options = {});

}  // namespace bcbench::mmd_unbiased
