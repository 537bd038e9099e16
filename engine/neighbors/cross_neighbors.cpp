#include "engine/neighbors/cross_neighbors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
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

/// All pairs of a tile of `first` and one of `second`. Every tile that wants neighbours meets the nearest one of the
/// other set first, for that one leaves neighbours that are hard to beat.
template <class Real>
void meet_all(Seekers<Real>& first, Seekers<Real>& second) {
    const std::size_t n_first = first.tiles.count();
    const std::size_t n_second = second.tiles.count();
    std::vector<std::vector<std::size_t>> order(n_first);  // [n_first] tiles of second, nearest first
    parallel_for(n_first, [&](std::size_t a) { order[a] = nearest_tiles(first.tiles, a, second.tiles); });
    parallel_for(n_first, [&](std::size_t a) { meet(first, a, second, order[a].front(), true); });
    std::vector<std::size_t> nearest_first(n_second, n_first);  // [n_second] n_first: none met early
    if (second.k > 0) {
        parallel_for(n_second, [&](std::size_t b) {
            nearest_first[b] = nearest_tiles(second.tiles, b, first.tiles).front();
            if (order[nearest_first[b]].front() != b) meet(first, nearest_first[b], second, b, true);
        });
    }
    parallel_for(n_first, [&](std::size_t a) {
        for (std::size_t place = 1; place < n_second; ++place) {
            const std::size_t b = order[a][place];
            if (nearest_first[b] != a) meet(first, a, second, b);
        }
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
