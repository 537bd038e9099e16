#include "engine/neighbors/neighbors.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/neighbors/distance.hpp"
#include "engine/neighbors/filter.hpp"
#include "engine/neighbors/tiles.hpp"

namespace bcbench {

namespace neighbor_search {

namespace {

using Neighbor = std::pair<double, std::uint32_t>;  // squared distance, cell: the order of neighbours

/// The best neighbours so far of the cells of one tile. Whoever reads or writes holds the mutex.
struct TileBest {
    std::mutex mutex;
    std::vector<Neighbor> heaps;      // [k x tile_width] of each cell a heap, the worst first
    std::vector<std::uint32_t> size;  // [tile_width] neighbours in each heap
    std::vector<double> worst;        // [tile_width] squared distance of the worst of k, infinite with fewer,
                                      // 0 in the places left over, which want none
};

struct MeasuredPair {
    PlacePair places;
    double squared;
};

template <class Real>
struct Search {
    const Matrix<Real>& cells;  // [F x n]
    std::size_t k;
    CellTiles<Real> tiles;
    std::vector<TileBest> best;  // [tiles]

    Search(const Matrix<Real>& all_cells, std::size_t n_neighbors)
        : cells(all_cells), k(n_neighbors), tiles(cut_into_tiles(cells)), best(tiles.count()) {
        for (std::size_t tile = 0; tile < best.size(); ++tile) {
            best[tile].heaps.resize(k * tile_width);
            best[tile].size.assign(tile_width, 0);
            best[tile].worst.assign(tiles.size(tile), std::numeric_limits<double>::infinity());
            best[tile].worst.resize(tile_width, 0.0);
        }
    }

    std::uint32_t cell(std::size_t tile, std::size_t place) const { return tiles.order[tile * tile_width + place]; }
};

template <class Real>
std::vector<double> current_worst(Search<Real>& search, std::size_t tile) {
    const std::lock_guard lock(search.best[tile].mutex);
    return search.best[tile].worst;
}

/// Offers `candidate` to the cell at `place`.
void offer(TileBest& best, std::size_t place, std::size_t k, Neighbor candidate) {
    if (candidate.first > best.worst[place]) return;
    Neighbor* const heap = best.heaps.data() + place * k;
    std::uint32_t& size = best.size[place];
    if (size == k) {
        if (!(candidate < heap[0])) return;
        std::pop_heap(heap, heap + size);
        --size;
    }
    heap[size++] = candidate;
    std::push_heap(heap, heap + size);
    if (size == k) best.worst[place] = heap[0].first;
}

/// The cells of a tile lie scattered in memory: asking for them all at once hides most of the wait.
template <class Real>
void prefetch(const Matrix<Real>& cells, std::size_t cell) {
    constexpr std::size_t line = 64 / sizeof(Real);
    for (std::size_t f = 0; f < cells.n_rows; f += line) __builtin_prefetch(cells.colptr(cell) + f);
}

template <class Real>
void measure(const Search<Real>& search, std::size_t a, std::size_t b, const std::vector<PlacePair>& close,
             std::vector<MeasuredPair>& measured) {
    const std::size_t size_a = search.tiles.size(a);
    const std::size_t size_b = search.tiles.size(b);
    measured.clear();
    for (const PlacePair places : close) {
        const bool padding = places.a >= size_a || places.b >= size_b;
        if (padding || (a == b && places.a <= places.b)) continue;  // within a tile each pair shows up twice
        prefetch(search.cells, search.cell(b, places.b));
        measured.push_back({places, 0.0});
    }
    for (MeasuredPair& pair : measured) {
        const Real* x = search.cells.colptr(search.cell(a, pair.places.a));
        const Real* y = search.cells.colptr(search.cell(b, pair.places.b));
        pair.squared = squared_distance(x, y, search.cells.n_rows);
    }
}

template <class Real>
void offer_all(Search<Real>& search, std::size_t a, std::size_t b, const std::vector<MeasuredPair>& measured) {
    {
        const std::lock_guard lock(search.best[a].mutex);
        for (const MeasuredPair& pair : measured) {
            const Neighbor candidate(pair.squared, search.cell(b, pair.places.b));
            offer(search.best[a], pair.places.a, search.k, candidate);
        }
    }
    const std::lock_guard lock(search.best[b].mutex);
    for (const MeasuredPair& pair : measured) {
        const Neighbor candidate(pair.squared, search.cell(a, pair.places.a));
        offer(search.best[b], pair.places.b, search.k, candidate);
    }
}

/// A tile meets itself. The grid alone tells how near the k nearest are, so that few distances have to be
/// measured.
template <class Real>
void meet_itself(Search<Real>& search, std::size_t tile) {
    const Grid<Real> grid = common_grid(search.tiles, tile, tile);
    GridTile on_grid;
    put_on_grid(search.tiles, tile, grid, on_grid);
    set_limits(worst_within(on_grid, search.tiles.size(tile), search.k, grid), grid, on_grid);
    std::vector<PlacePair> close;
    find_close_pairs(on_grid, on_grid, close);
    std::vector<MeasuredPair> measured;
    measure(search, tile, tile, close, measured);
    offer_all(search, tile, tile, measured);
}

/// Whether no cell of tile `a` is within `reach` of a cell of tile `b`.
template <class Real>
bool too_far_apart(const CellTiles<Real>& tiles, std::size_t a, std::size_t b, double reach) {
    const Real* centre_a = tiles.centre.colptr(a);
    const double apart = distance_at_least(centre_a, tiles.centre.colptr(b), tiles.centre.n_rows);
    return apart > (tiles.radius[a] + tiles.radius[b] + reach) * (1.0 + 1e-12);
}

template <class Real>
void meet(Search<Real>& search, std::size_t a, std::size_t b) {
    const std::vector<double> worst_a = current_worst(search, a);
    const std::vector<double> worst_b = current_worst(search, b);
    const double worst =
        std::max(*std::max_element(worst_a.begin(), worst_a.end()), *std::max_element(worst_b.begin(), worst_b.end()));
    if (too_far_apart(search.tiles, a, b, reach(worst, search.cells.n_rows))) return;
    const Grid<Real> grid = common_grid(search.tiles, a, b);
    GridTile on_grid_a, on_grid_b;
    put_on_grid(search.tiles, a, grid, on_grid_a);
    put_on_grid(search.tiles, b, grid, on_grid_b);
    set_limits(worst_a, grid, on_grid_a);
    set_limits(worst_b, grid, on_grid_b);
    std::vector<PlacePair> close;
    find_close_pairs(on_grid_a, on_grid_b, close);
    std::vector<MeasuredPair> measured;
    measure(search, a, b, close, measured);
    offer_all(search, a, b, measured);
}

/// All pairs of tiles: tile a meets tile a + offset, around the end. Near ones in the order of the tiles come
/// first, for they leave neighbours that are hard to beat; a task takes several offsets, for the next task
/// takes nearly the same tiles and finds them in the cache.
template <class Real>
void meet_all(Search<Real>& search) {
    const std::size_t tiles = search.tiles.count();
    parallel_for(tiles, [&](std::size_t tile) { meet_itself(search, tile); });
    const Tiles offsets{tiles / 2, 8};
    parallel_for(tiles * offsets.count(), [&](std::size_t task) {
        const std::size_t a = task % tiles;
        const std::size_t first = offsets.first(task / tiles) + 1;
        for (std::size_t offset = first; offset < first + offsets.size(task / tiles); ++offset) {
            if (2 * offset == tiles && a >= offset) continue;  // the pairs half way around come twice
            meet(search, a, (a + offset) % tiles);
        }
    });
}

template <class Real>
Neighbors sorted_neighbors(Search<Real>& search) {
    Neighbors neighbors;
    neighbors.index.set_size(search.k, search.cells.n_cols);
    neighbors.squared_distance.set_size(search.k, search.cells.n_cols);
    parallel_for(search.tiles.count(), [&](std::size_t tile) {
        for (std::size_t place = 0; place < search.tiles.size(tile); ++place) {
            Neighbor* const heap = search.best[tile].heaps.data() + place * search.k;
            std::sort_heap(heap, heap + search.k);
            const std::uint32_t i = search.cell(tile, place);
            for (std::size_t r = 0; r < search.k; ++r) {
                neighbors.squared_distance(r, i) = heap[r].first;
                neighbors.index(r, i) = heap[r].second;
            }
        }
    });
    return neighbors;
}

}  // namespace

}  // namespace neighbor_search

NeighborsView::NeighborsView(const Neighbors& neighbors, arma::uword k) : neighbors_(&neighbors), k_(k) {
    if (k <= neighbors.index.n_rows) return;
    throw std::invalid_argument("the nearest " + std::to_string(k) + " neighbours are wanted, but only " +
                                std::to_string(neighbors.index.n_rows) + " were searched");
}

NeighborsView NeighborsView::nearest(arma::uword k) const {
    const arma::uword others = n_cells() == 0 ? 0 : n_cells() - 1;
    const arma::uword wanted = std::min(k, others);
    if (wanted > k_) {
        throw std::invalid_argument("the nearest " + std::to_string(wanted) +
                                    " neighbours are wanted, but the view has " + std::to_string(k_));
    }
    return {*neighbors_, wanted};
}

arma::uword cells_with_duplicates(const NeighborsView& neighbors) {
    arma::uword count = 0;
    for (arma::uword i = 0; neighbors.k() > 0 && i < neighbors.n_cells(); ++i) {
        if (neighbors.squared_distance(i)[0] == 0.0) ++count;
    }
    return count;
}

template <class Real>
Neighbors nearest_neighbors(const Matrix<Real>& cells, arma::uword k) {
    require(k >= 1 && k < cells.n_cols,
            "the number of neighbours must be at least 1 and less than the number of cells");
    require_finite(cells, "a cell given to the neighbour search");
    count_operations(cells.n_cols * cells.n_cols, 3 * cells.n_rows);  // every distance, though many are never computed
    neighbor_search::Search<Real> search(cells, k);
    neighbor_search::meet_all(search);
    return neighbor_search::sorted_neighbors(search);
}

template Neighbors nearest_neighbors(const Matrix<float>&, arma::uword);
template Neighbors nearest_neighbors(const Matrix<double>&, arma::uword);

}  // namespace bcbench
