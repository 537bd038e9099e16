// Batch mixing entropy: how evenly the batches are represented around each cell.
//   p_b = share of batch b among the k nearest neighbours, clipped to [1e-8, 1];  mean over cells of -sum_b p_b ln p_b
// Perfect mixing of B equal batches tends to ln B; nothing mixed gives 1.842e-07 per absent batch (the clip), not 0.
#pragma once

#include "engine/core/types.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench {

/// The entropy in nats, in [0, ln B] up to the clip. `neighbors` are those of the cells that `batch` labels, `ties` the
/// ties at their k-th distance: shares are averaged over all that tie, so that no order of the rows matters.
double batch_mixing_entropy(const NeighborsView& neighbors, const Labels& batch, const Ties& ties = {});

/// ln B: what perfect mixing of `batch` would give with ever more neighbours.
double perfect_mixing(const Labels& batch);

}  // namespace bcbench
