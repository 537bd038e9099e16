// Step 1 of the neighbour search: the cells are cut into compact tiles, so that near cells meet early and
// tiles far apart need not meet at all. The results of the search do not depend on the cut.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::neighbor_search {

inline constexpr std::size_t tile_width = 256;  // cells of a tile; a multiple of every vector length

template <class Real>
struct CellTiles {
    std::vector<std::uint32_t> order;  // [n] the cell at each place; tile t holds places t*tile_width and on
    Matrix<Real> values;               // [tile_width x F*tiles] tile t: columns t*F .. t*F+F-1, one per feature;
                                       // the last tile repeats its last cell in the places left over
    Matrix<Real> centre;               // [F x tiles] the mean of the tile, rounded
    std::vector<double> radius;        // [tiles] at least the distance of every cell of the tile from its centre

    std::size_t count() const { return radius.size(); }
    std::size_t size(std::size_t tile) const;  // cells of the tile
};

/// Cuts `cells` [F x n] by halving them again and again at the median along their main direction. The cut is
/// the same for any number of threads. Memory: one copy of the cells.
template <class Real>
CellTiles<Real> cut_into_tiles(const Matrix<Real>& cells);

/// Bounds on the Euclidean distance of two points [F] that hold whatever the rounding of the sum.
template <class Real>
double distance_at_most(const Real* x, const Real* y, std::size_t n_features);
template <class Real>
double distance_at_least(const Real* x, const Real* y, std::size_t n_features);

}  // namespace bcbench::neighbor_search
