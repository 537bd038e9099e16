// Mixing ceiling: the batch mixing entropy that a perfect correction reaches with k neighbours. Batch labels are
// permuted among the cells of each type, so that batch carries no information beyond type; more mixing than this means
// over-interleaved batches.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench {

/// Mean of batch_mixing_entropy over `n_permutations` permutations of `batch` inside each type (inside all cells, if
/// `type` is empty), drawn from `seed`; `ties` as there.
double mixing_ceiling(const NeighborsView& neighbors, const Labels& batch, const Labels& type,
                      std::uint32_t n_permutations, std::uint64_t seed, const Ties& ties = {});

}  // namespace bcbench
