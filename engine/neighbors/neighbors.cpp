#include "engine/neighbors/neighbors.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/neighbors/bound.hpp"
#include "engine/neighbors/search.hpp"

namespace bcbench {

namespace {

/// The tiles around `tile` in their order, which is one of places.
std::vector<std::size_t> tiles_around(std::size_t tile, std::size_t n_tiles, std::size_t k) {
    const std::size_t count = std::min(neighbor_search::tiles_worth_a_bound(k), n_tiles);
    std::vector<std::size_t> around(count);
    std::iota(around.begin(), around.end(), std::min(tile - std::min(tile, count / 2), n_tiles - count));
    return around;
}

/// All pairs of tiles: tile a meets tile a + offset, around the end. Near ones in the order of the tiles come
/// first, for they leave neighbours that are hard to beat; a task takes several offsets, for the next task
/// takes nearly the same tiles and finds them in the cache.
template <class Real>
void meet_all(neighbor_search::Seekers<Real>& seekers) {
    const std::size_t tiles = seekers.tiles.count();
    parallel_for(tiles, [&](std::size_t tile) {
        // k others, for the cell is its own nearest
        set_bound(seekers, tile, seekers.tiles, tiles_around(tile, tiles, seekers.k), seekers.k + 1);
        meet_itself(seekers, tile);
    });
    const Tiles offsets{tiles / 2, 8};
    parallel_for(tiles * offsets.count(), [&](std::size_t task) {
        const std::size_t a = task % tiles;
        const std::size_t first = offsets.first(task / tiles) + 1;
        for (std::size_t offset = first; offset < first + offsets.size(task / tiles); ++offset) {
            if (2 * offset == tiles && a >= offset) continue;  // the pairs half way around come twice
            meet(seekers, a, seekers, (a + offset) % tiles);
        }
    });
}

}  // namespace

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
    neighbor_search::Seekers<Real> seekers(cells, k);
    meet_all(seekers);
    return neighbor_search::sorted_neighbors(seekers);
}

template Neighbors nearest_neighbors(const Matrix<float>&, arma::uword);
template Neighbors nearest_neighbors(const Matrix<double>&, arma::uword);

}  // namespace bcbench
