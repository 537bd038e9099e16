// All pairs of cells in tiles, for silhouettes: sums of Euclidean distances, not squared.
//
// Two tiles meet about a centre between them, so that |x|^2 + |y|^2 - 2 x.y cancels no more than the tiles' own extent
// makes it: tight groups of cells far from all others keep their distances. x - centre is rounded once, |x|^2 is the
// product x.x in the very order of x.y, hence equal cells have distance 0 exactly. Products and roots are in the
// precision Sum; sums of more than one block of pairs in double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::silhouette {

inline constexpr std::size_t tile_width = 384;  // cells of a tile; a multiple of every block of the products

/// The cells [F x n] in tiles, in a given order, times a power of two that makes the largest entry about 1: silhouettes
/// do not depend on the scale, and no square can overflow.
template <class Real>
struct OrderedTiles {
    std::vector<std::uint32_t> order;  // [n] the cell at each place; tile t holds places t*tile_width and on
    Matrix<Real> values;               // [tile_width x F*tiles] tile t: columns t*F .. t*F+F-1, one per feature;
                                       // the last tile repeats its last cell in the places left over
    Matrix<Real> centre;               // [F x tiles] the mean of each tile, rounded

    OrderedTiles(const Matrix<Real>& cells, std::vector<std::uint32_t> order_of_cells);

    std::size_t count() const { return centre.n_cols; }
    std::size_t n_features() const { return centre.n_rows; }
    std::size_t size(std::size_t tile) const;  // cells of the tile
};

/// The centre between two tiles (or of one, twice). [F]
template <class Real>
Vector<Real> centre_between(const OrderedTiles<Real>& tiles, std::size_t a, std::size_t b);

/// One tile about a centre.
template <class Sum>
struct CentredTile {
    std::vector<Sum> values;  // [tile_width x F]
    std::vector<Sum> norm;    // [tile_width] |x|^2
};

template <class Real, class Sum>
void put_about(const OrderedTiles<Real>& tiles, std::size_t tile, const Vector<Real>& centre, CentredTile<Sum>& out);

/// Consecutive places of a tile whose cells belong together.
struct Run {
    std::size_t first = 0, last = 0;  // last is one behind
};

/// The sum of the distances of each cell of `a` to the cells of each run of `b`, and the other way round.
/// of_a [tile_width x runs of b], of_b [tile_width x runs of a]; of_a is left out if `b` is `a`. Entries of places left
/// over mean nothing.
template <class Sum>
void distance_sums(const CentredTile<Sum>& a, const std::vector<Run>& runs_a, const CentredTile<Sum>& b,
                   const std::vector<Run>& runs_b, std::vector<double>& of_a, std::vector<double>& of_b);

}  // namespace bcbench::silhouette
