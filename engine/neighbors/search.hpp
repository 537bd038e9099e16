// What every neighbour search is made of: sets of cells cut into tiles, and the meeting of two tiles.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/neighbors/filter.hpp"
#include "engine/neighbors/neighbors.hpp"
#include "engine/neighbors/tiles.hpp"

namespace bcbench::neighbor_search {

using Neighbor = std::pair<double, std::uint32_t>;  // squared distance, cell: the order of neighbours

/// The best neighbours so far of the cells of one tile. Whoever reads or writes holds the mutex.
struct TileBest {
    std::mutex mutex;
    std::vector<Neighbor> heaps;      // [k x tile_width] of each cell a heap, the worst first
    std::vector<std::uint32_t> size;  // [tile_width] neighbours in each heap
    std::vector<double> worst;        // [tile_width] a squared distance that at least k are within, at first infinite;
                                      // 0 in the places left over, which want none
};

/// A set of cells that looks for neighbours, its own or those of another set.
template <class Real>
struct Seekers {
    const Matrix<Real>& cells;  // [F x n]
    std::size_t k;              // neighbours of each; 0: these cells are only found
    CellTiles<Real> tiles;
    std::vector<TileBest> best;  // [tiles]

    Seekers(const Matrix<Real>& all_cells, std::size_t n_neighbors);

    std::uint32_t cell(std::size_t tile, std::size_t place) const { return tiles.order[tile * tile_width + place]; }
};

/// Before the first meeting: how near the k nearest cells of the tiles `near` of `others` are tells what the cells of
/// tile `tile` need not look at. `wanted`: k, or k + 1 if `others` are the seekers themselves, where each is its own
/// nearest.
template <class Real>
void set_bound(Seekers<Real>& seekers, std::size_t tile, const CellTiles<Real>& others,
               const std::vector<std::size_t>& near, std::size_t wanted);

/// Tile `tile` meets itself.
template <class Real>
void meet_itself(Seekers<Real>& seekers, std::size_t tile);

/// Tile `a` of one set meets tile `b` of another, or another tile of the same, and each offers its cells to the
/// other's.
template <class Real>
void meet(Seekers<Real>& seekers_a, std::size_t a, Seekers<Real>& seekers_b, std::size_t b);

/// What every cell has found, nearest first. Each must have found k.
template <class Real>
Neighbors sorted_neighbors(Seekers<Real>& seekers);

}  // namespace bcbench::neighbor_search
