// Step 2 of the neighbour search: a cheap test that throws out the pairs of cells that are provably too far
// apart.
//
// The cells of two tiles are rounded to a grid of whole numbers, q = round((x - c) s), with a centre c and a
// scale s of their own, so that |q| < 2^15. Rounding moves a cell by at most `slack` = sqrt(F) (1/2 + 1/64)
// in grid units: 1/2 for the rounding to a whole number and at most 2^15 (2 u + u^2) < 1/64 for the two
// roundings of (x - c) s itself, u being 2^-24 or less. The grid's own arithmetic is exact (32-bit integers
// cannot overflow for |q| < 2^15), hence
//
//     s |x - y| >= |q_x - q_y| - 2 slack                                                        (triangle
//     inequality)
//
// and a pair with |q_x - q_y|^2 / 2 > (s reach + 2 slack)^2 / 2 is farther apart than `reach`. Grids follow
// the tiles, so near-duplicates far from the origin and cells of any magnitude are resolved alike: no |x|^2 +
// |y|^2 - 2 x.y of rounded numbers is ever formed.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/neighbors/tiles.hpp"

namespace bcbench::neighbor_search {

/// A distance beyond which the squared distance as it is computed (the sum of squares in double) exceeds
/// `squared`.
double reach(double squared, std::size_t n_features);

/// The grid of a few tiles.
template <class Real>
struct Grid {
    Vector<Real> centre;  // [F]
    Real scale = 0;       // grid units per unit of distance; 0: the numbers do not fit a grid and no pair is thrown out
    double slack = 0.0;   // grid units
};

/// The grid on which tile `a` of one set and the tiles `members` of another, or of the same, find room.
template <class Real>
Grid<Real> common_grid(const CellTiles<Real>& tiles_a, std::size_t a, const CellTiles<Real>& tiles_b,
                       const std::vector<std::size_t>& members);

/// The cells of one tile on a grid, two features to a 32-bit word, and how far each may be from a neighbour.
struct GridTile {
    std::vector<std::int32_t> words;        // [tile_width x ceil(F/2)] low half the even feature, high half the odd one
    std::vector<std::int32_t> minus_half;   // [tile_width] -floor(|q|^2 / 2)
    std::vector<std::int32_t> minus_limit;  // [tile_width] -floor((s reach + 2 slack)^2 / 2), as far as it is an int
};

/// Puts `tile` on `grid`: words and minus_half. All zero if the grid has no scale.
template <class Real>
void put_on_grid(const CellTiles<Real>& tiles, std::size_t tile, const Grid<Real>& grid, GridTile& out);

/// Sets minus_limit from the squared distance [tile_width] that a neighbour of each cell has to beat.
template <class Real>
void set_limits(const std::vector<double>& worst, const Grid<Real>& grid, GridTile& out);

/// A squared distance, as computed, that two cells are within which are -floor(|q_a - q_b|^2 / 2) = `minus_half` apart
/// on the grid, or nearer.
template <class Real>
double distance_within(std::int32_t minus_half, const Grid<Real>& grid);

/// Minus half the squared grid distances of the cells first .. first+7 of `a` to all cells of `b`, rounded up.
/// [tile_width x 8]
void grid_distances_of_eight(const GridTile& a, std::size_t first, const GridTile& b, std::int32_t* out);

/// A pair of cells by their places within their tiles.
struct PlacePair {
    std::uint16_t a, b;
};

/// Appends every pair of a cell of `a` and one of `b` that is not provably farther apart than either has to
/// beat.
void find_close_pairs(const GridTile& a, const GridTile& b, std::vector<PlacePair>& close);

}  // namespace bcbench::neighbor_search
