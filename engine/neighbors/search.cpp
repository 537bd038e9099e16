#include "engine/neighbors/search.hpp"

#include <algorithm>
#include <limits>

#include "engine/core/parallel.hpp"
#include "engine/neighbors/bound.hpp"
#include "engine/neighbors/distance.hpp"

namespace bcbench::neighbor_search {

template <class Real>
Seekers<Real>::Seekers(const Matrix<Real>& all_cells, std::size_t n_neighbors)
    : cells(all_cells), k(n_neighbors), tiles(cut_into_tiles(cells)), best(tiles.count()) {
    const double any = k > 0 ? std::numeric_limits<double>::infinity() : 0.0;
    for (std::size_t tile = 0; tile < best.size(); ++tile) {
        best[tile].heaps.resize(k * tile_width);
        best[tile].size.assign(tile_width, 0);
        best[tile].worst.assign(tiles.size(tile), any);
        best[tile].worst.resize(tile_width, 0.0);
    }
}

namespace {

struct MeasuredPair {
    PlacePair places;
    double squared;
};

template <class Real>
std::vector<double> current_worst(Seekers<Real>& seekers, std::size_t tile) {
    const std::lock_guard lock(seekers.best[tile].mutex);
    return seekers.best[tile].worst;
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
    if (size == k) best.worst[place] = std::min(best.worst[place], heap[0].first);
}

/// The cells of a tile lie scattered in memory: asking for them all at once hides most of the wait.
template <class Real>
void prefetch(const Matrix<Real>& cells, std::size_t cell) {
    constexpr std::size_t line = 64 / sizeof(Real);
    for (std::size_t f = 0; f < cells.n_rows; f += line) __builtin_prefetch(cells.colptr(cell) + f);
}

template <class Real>
std::vector<MeasuredPair> measure(const Seekers<Real>& seekers_a, std::size_t a, const Seekers<Real>& seekers_b,
                                  std::size_t b, const std::vector<PlacePair>& close) {
    const std::size_t size_a = seekers_a.tiles.size(a);
    const std::size_t size_b = seekers_b.tiles.size(b);
    const bool itself = &seekers_a == &seekers_b && a == b;
    std::vector<MeasuredPair> measured;
    for (const PlacePair places : close) {
        const bool padding = places.a >= size_a || places.b >= size_b;
        if (padding || (itself && places.a <= places.b)) continue;  // within a tile each pair shows up twice
        prefetch(seekers_b.cells, seekers_b.cell(b, places.b));
        measured.push_back({places, 0.0});
    }
    for (MeasuredPair& pair : measured) {
        const Real* x = seekers_a.cells.colptr(seekers_a.cell(a, pair.places.a));
        const Real* y = seekers_b.cells.colptr(seekers_b.cell(b, pair.places.b));
        pair.squared = squared_distance(x, y, seekers_a.cells.n_rows);
    }
    return measured;
}

template <class Real>
void offer_all(Seekers<Real>& seekers_a, std::size_t a, Seekers<Real>& seekers_b, std::size_t b,
               const std::vector<MeasuredPair>& measured) {
    if (seekers_a.k > 0) {
        const std::lock_guard lock(seekers_a.best[a].mutex);
        for (const MeasuredPair& pair : measured) {
            const Neighbor candidate(pair.squared, seekers_b.cell(b, pair.places.b));
            offer(seekers_a.best[a], pair.places.a, seekers_a.k, candidate);
        }
    }
    if (seekers_b.k == 0) return;
    const std::lock_guard lock(seekers_b.best[b].mutex);
    for (const MeasuredPair& pair : measured) {
        const Neighbor candidate(pair.squared, seekers_a.cell(a, pair.places.a));
        offer(seekers_b.best[b], pair.places.b, seekers_b.k, candidate);
    }
}

/// Whether no cell of tile `a` is within `reach` of a cell of tile `b`.
template <class Real>
bool too_far_apart(const CellTiles<Real>& tiles_a, std::size_t a, const CellTiles<Real>& tiles_b, std::size_t b,
                   double reach) {
    const double apart = distance_at_least(tiles_a.centre.colptr(a), tiles_b.centre.colptr(b), tiles_a.centre.n_rows);
    return apart > (tiles_a.radius[a] + tiles_b.radius[b] + reach) * (1.0 + 1e-12);
}

}  // namespace

template <class Real>
void set_bound(Seekers<Real>& seekers, std::size_t tile, const CellTiles<Real>& others,
               const std::vector<std::size_t>& near, std::size_t wanted) {
    seekers.best[tile].worst = worst_among(seekers.tiles, tile, others, near, wanted);
}

template <class Real>
void meet_itself(Seekers<Real>& seekers, std::size_t tile) {
    const Grid<Real> grid = common_grid(seekers.tiles, tile, seekers.tiles, {tile});
    GridTile on_grid;
    put_on_grid(seekers.tiles, tile, grid, on_grid);
    set_limits(current_worst(seekers, tile), grid, on_grid);
    std::vector<PlacePair> close;
    find_close_pairs(on_grid, on_grid, close);
    offer_all(seekers, tile, seekers, tile, measure(seekers, tile, seekers, tile, close));
}

template <class Real>
void meet(Seekers<Real>& seekers_a, std::size_t a, Seekers<Real>& seekers_b, std::size_t b) {
    const CellTiles<Real>& tiles_a = seekers_a.tiles;
    const CellTiles<Real>& tiles_b = seekers_b.tiles;
    const std::vector<double> worst_a = current_worst(seekers_a, a);
    const std::vector<double> worst_b = current_worst(seekers_b, b);
    const double worst =
        std::max(*std::max_element(worst_a.begin(), worst_a.end()), *std::max_element(worst_b.begin(), worst_b.end()));
    if (too_far_apart(tiles_a, a, tiles_b, b, reach(worst, tiles_a.centre.n_rows))) return;
    const Grid<Real> grid = common_grid(tiles_a, a, tiles_b, {b});
    GridTile on_grid_a, on_grid_b;
    put_on_grid(tiles_a, a, grid, on_grid_a);
    put_on_grid(tiles_b, b, grid, on_grid_b);
    set_limits(worst_a, grid, on_grid_a);
    set_limits(worst_b, grid, on_grid_b);
    std::vector<PlacePair> close;
    find_close_pairs(on_grid_a, on_grid_b, close);
    offer_all(seekers_a, a, seekers_b, b, measure(seekers_a, a, seekers_b, b, close));
}

template <class Real>
Neighbors sorted_neighbors(Seekers<Real>& seekers) {
    Neighbors neighbors;
    neighbors.index.set_size(seekers.k, seekers.cells.n_cols);
    neighbors.squared_distance.set_size(seekers.k, seekers.cells.n_cols);
    parallel_for(seekers.tiles.count(), [&](std::size_t tile) {
        for (std::size_t place = 0; place < seekers.tiles.size(tile); ++place) {
            Neighbor* const heap = seekers.best[tile].heaps.data() + place * seekers.k;
            std::sort_heap(heap, heap + seekers.k);
            const std::uint32_t i = seekers.cell(tile, place);
            for (std::size_t r = 0; r < seekers.k; ++r) {
                neighbors.squared_distance(r, i) = heap[r].first;
                neighbors.index(r, i) = heap[r].second;
            }
        }
    });
    return neighbors;
}

#define BCBENCH_INSTANTIATE(Real)                                                                                 \
    template struct Seekers<Real>;                                                                                \
    template void set_bound(Seekers<Real>&, std::size_t, const CellTiles<Real>&, const std::vector<std::size_t>&, \
                            std::size_t);                                                                         \
    template void meet_itself(Seekers<Real>&, std::size_t);                                                       \
    template void meet(Seekers<Real>&, std::size_t, Seekers<Real>&, std::size_t);                                 \
    template Neighbors sorted_neighbors(Seekers<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::neighbor_search
