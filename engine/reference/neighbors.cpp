#include "engine/reference/neighbors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace bcbench::reference {

arma::Mat<std::uint32_t> nearest_neighbors(const Matrix<double>& cells, arma::uword k) {
    arma::Mat<std::uint32_t> index(k, cells.n_cols);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        std::vector<std::pair<double, std::uint32_t>> others;
        for (arma::uword j = 0; j < cells.n_cols; ++j) {
            if (j == i) continue;
            double squared = 0.0;
            for (arma::uword f = 0; f < cells.n_rows; ++f) {
                squared += (cells(f, i) - cells(f, j)) * (cells(f, i) - cells(f, j));
            }
            others.emplace_back(squared, static_cast<std::uint32_t>(j));
        }
        std::sort(others.begin(), others.end());
        for (arma::uword r = 0; r < k; ++r) index(r, i) = others[r].second;
    }
    return index;
}

arma::Mat<std::uint32_t> nearest_neighbors_among(const Matrix<double>& points, const Matrix<double>& queries,
                                                 arma::uword k) {
    arma::Mat<std::uint32_t> index(k, queries.n_cols);
    for (arma::uword i = 0; i < queries.n_cols; ++i) {
        std::vector<std::pair<double, std::uint32_t>> all;
        for (arma::uword j = 0; j < points.n_cols; ++j) {
            double squared = 0.0;
            for (arma::uword f = 0; f < points.n_rows; ++f) {
                squared += (queries(f, i) - points(f, j)) * (queries(f, i) - points(f, j));
            }
            all.emplace_back(squared, static_cast<std::uint32_t>(j));
        }
        std::sort(all.begin(), all.end());
        for (arma::uword r = 0; r < k; ++r) index(r, i) = all[r].second;
    }
    return index;
}

}  // namespace bcbench::reference
