// Before the search: how far off the k nearest can be at most, from the grid alone. A cell's k-th neighbour among a few
// thousand cells nearby is hardly farther than its k-th of all, and on the grid it costs a small part of the search;
// every pair that this bound throws out need not be measured, nor take part in the selection of the nearest.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/neighbors/tiles.hpp"

namespace bcbench::neighbor_search {

/// For each cell of `tile` a squared distance, as computed, that at least k cells of the tiles `near` of `others` are
/// within (the cell itself, if it is there, being one of them); infinite if there is none to tell, 0 in the places left
/// over. [tile_width]
template <class Real>
std::vector<double> worst_among(const CellTiles<Real>& tiles, std::size_t tile, const CellTiles<Real>& others,
                                const std::vector<std::size_t>& near, std::size_t k);

/// How many tiles of cells are worth looking at for a bound on the k-th: the more are wanted, the more pairs a tighter
/// bound saves.
inline std::size_t tiles_worth_a_bound(std::size_t k) { return 1 + k / 4; }

}  // namespace bcbench::neighbor_search
