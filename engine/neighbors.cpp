#include "engine/neighbors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/check.hpp"
#include "engine/parallel.hpp"

namespace bcbench {

namespace {

template <class Real>
double squared_distance(const Real* x, const Real* y, arma::uword n_features) {
    double sum = 0.0;
    for (arma::uword f = 0; f < n_features; ++f) {
        const double difference = static_cast<double>(x[f]) - static_cast<double>(y[f]);
        sum += difference * difference;
    }
    return sum;
}

}  // namespace

template <class Real>
Neighbors nearest_neighbors(const Matrix<Real>& cells, arma::uword k) {
    require(k >= 1 && k < cells.n_cols, "the number of neighbours must be at least 1 and less than the number of cells");
    require_finite(cells, "a cell given to the neighbour search");
    Neighbors neighbors;
    neighbors.index.set_size(k, cells.n_cols);
    neighbors.squared_distance.set_size(k, cells.n_cols);
    const Tiles tiles{cells.n_cols, 64};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<std::pair<double, std::uint32_t>> nearest;
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            nearest.clear();
            for (arma::uword j = 0; j < cells.n_cols; ++j) {
                if (j == i) continue;
                const std::pair candidate(squared_distance(cells.colptr(i), cells.colptr(j), cells.n_rows),
                                          static_cast<std::uint32_t>(j));
                if (nearest.size() == k) {
                    if (!(candidate < nearest.front())) continue;
                    std::pop_heap(nearest.begin(), nearest.end());
                    nearest.pop_back();
                }
                nearest.push_back(candidate);
                std::push_heap(nearest.begin(), nearest.end());
            }
            std::sort_heap(nearest.begin(), nearest.end());
            for (arma::uword r = 0; r < k; ++r) {
                neighbors.squared_distance(r, i) = nearest[r].first;
                neighbors.index(r, i) = nearest[r].second;
            }
        }
    });
    return neighbors;
}

template Neighbors nearest_neighbors(const Matrix<float>&, arma::uword);
template Neighbors nearest_neighbors(const Matrix<double>&, arma::uword);

}  // namespace bcbench
