#include "engine/neighbors/cross_neighbors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/neighbors/bound.hpp"
#include "engine/neighbors/search.hpp"

namespace bcbench {

namespace {

using neighbor_search::CellTiles;
using neighbor_search::Seekers;

/// The tiles of `others`, the one whose centre is nearest to that of tile `tile` first. Only the speed of the search
/// depends on the order.
template <class Real>
std::vector<std::size_t> nearest_tiles(const CellTiles<Real>& tiles, std::size_t tile, const CellTiles<Real>& others) {
    std::vector<std::pair<double, std::size_t>> keys(others.count());
    for (std::size_t other = 0; other < keys.size(); ++other) {
        keys[other] = {neighbor_search::distance_at_least(tiles.centre.colptr(tile), others.centre.colptr(other),
                                                          tiles.centre.n_rows),
                       other};
    }
    std::sort(keys.begin(), keys.end());
    std::vector<std::size_t> order(keys.size());
    std::transform(keys.begin(), keys.end(), order.begin(), [](const auto& key) { return key.second; });
    return order;
}

/// The order in which each tile of `seekers` takes the tiles of `others`, whose nearest bound what its cells look for.
template <class Real>
std::vector<std::vector<std::size_t>> prepare(Seekers<Real>& seekers, const CellTiles<Real>& others) {
    std::vector<std::vector<std::size_t>> order(seekers.tiles.count());  // [tiles] tiles of others, nearest first
    parallel_for(order.size(), [&](std::size_t tile) {
        order[tile] = nearest_tiles(seekers.tiles, tile, others);
        if (seekers.k == 0) return;
        std::vector<std::size_t> near = order[tile];
        near.resize(std::min(near.size(), neighbor_search::tiles_worth_a_bound(seekers.k)));
        set_bound(seekers, tile, others, near, seekers.k);
    });
    return order;
}

/// All pairs of a tile of `first` and one of `second`, near ones first, for these leave neighbours that are hard to
/// beat.
template <class Real>
void meet_all(Seekers<Real>& first, Seekers<Real>& second) {
    const std::vector<std::vector<std::size_t>> order = prepare(first, second.tiles);
    if (second.k > 0) prepare(second, first.tiles);
    parallel_for(order.size(), [&](std::size_t a) {
        for (const std::size_t b : order[a]) meet(first, a, second, b);
    });
}

template <class Real>
void require_comparable(const Matrix<Real>& first, const Matrix<Real>& second) {
    require(first.n_cols > 0 && second.n_cols > 0, "a set of cells given to the neighbour search is empty");
    if (first.n_rows != second.n_rows) {
        throw std::invalid_argument("the sets of cells given to the neighbour search have " +
                                    std::to_string(first.n_rows) + " and " + std::to_string(second.n_rows) +
                                    " features");
    }
    require_finite(first, "a cell given to the neighbour search");
    require_finite(second, "a cell given to the neighbour search");
    count_operations(first.n_cols * second.n_cols, 3 * first.n_rows);  // every distance, computed or not
}

void require_count(arma::uword k, arma::uword n_cells) {
    if (k >= 1 && k <= n_cells) return;
    throw std::invalid_argument("the number of neighbours is " + std::to_string(k) + " and must be from 1 to the " +
                                std::to_string(n_cells) + " cells of the other set");
}

}  // namespace

template <class Real>
CrossNeighbors cross_neighbors(const Matrix<Real>& first, const Matrix<Real>& second, arma::uword k_first,
                               arma::uword k_second) {
    require_comparable(first, second);
    require_count(k_first, second.n_cols);
    require_count(k_second, first.n_cols);
    Seekers<Real> seekers_first(first, k_first);
    Seekers<Real> seekers_second(second, k_second);
    meet_all(seekers_first, seekers_second);
    return {sorted_neighbors(seekers_first), sorted_neighbors(seekers_second)};
}

template <class Real>
Neighbors nearest_neighbors_among(const Matrix<Real>& points, const Matrix<Real>& queries, arma::uword k) {
    require_comparable(queries, points);
    require_count(k, points.n_cols);
    Seekers<Real> seekers(queries, k);
    Seekers<Real> found(points, 0);
    meet_all(seekers, found);
    return sorted_neighbors(seekers);
}

#define BCBENCH_INSTANTIATE(Real)                                                                                \
    template CrossNeighbors cross_neighbors(const Matrix<Real>&, const Matrix<Real>&, arma::uword, arma::uword); \
    template Neighbors nearest_neighbors_among(const Matrix<Real>&, const Matrix<Real>&, arma::uword)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
