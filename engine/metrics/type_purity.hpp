// Type purity: whether biology survives, as the share of a cell's nearest neighbours that have its own type.
#pragma once

#include "engine/core/types.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench {

/// Mean over cells of the share of the k neighbours with the cell's type, in [0, 1]; averaged over all that tie at the
/// k-th distance.
double type_purity(const NeighborsView& neighbors, const Labels& type, const Ties& ties = {});

}  // namespace bcbench
