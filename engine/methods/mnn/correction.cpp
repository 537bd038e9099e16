#include "engine/methods/mnn/correction.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/linear/label_means.hpp"
#include "engine/neighbors/cross_neighbors.hpp"

namespace bcbench::mnn {

namespace {

template <class Body>
void for_each_cell(std::size_t n_cells, const Body& body) {
    const Tiles tiles{n_cells, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) body(i);
    });
}

template <class Real>
Matrix<Real> cells_at(const Matrix<Real>& cells, const std::vector<std::uint32_t>& places) {
    Matrix<Real> chosen(cells.n_rows, places.size(), arma::fill::none);
    for (std::size_t i = 0; i < places.size(); ++i) chosen.col(i) = cells.col(places[i]);
    return chosen;
}

/// Weights of neighbours at these squared distances [k], nearest first; they sum to 1.
void set_tricube_weights(const double* squared_distance, std::size_t k, double bandwidth, std::vector<double>& weight) {
    const double width = bandwidth * std::sqrt(squared_distance[(k + 1) / 2 - 1]);
    double sum = 0.0;
    for (std::size_t r = 0; r < k; ++r) {
        const double distance = std::sqrt(squared_distance[r]);
        // width 0: half the neighbours lie on the cell, and share the weight
        const double relative = width > 0.0 ? std::min(distance / width, 1.0) : (distance > 0.0 ? 1.0 : 0.0);
        const double rest = 1.0 - relative * relative * relative;
        weight[r] = rest * rest * rest;
        sum += weight[r];
    }
    for (std::size_t r = 0; r < k; ++r) weight[r] /= sum;  // the middle one alone has some, as bandwidth > 1
}

}  // namespace

template <class Real>
arma::mat correction_vectors(const Matrix<Real>& first, const Matrix<Real>& second, const MutualPairs& pairs) {
    arma::mat vectors(first.n_rows, pairs.member.size(), arma::fill::zeros);
    for_each_cell(pairs.member.size(), [&](std::size_t m) {
        double* vector = vectors.colptr(m);
        const Real* cell = second.colptr(pairs.member[m]);
        for (std::size_t p = pairs.offset[m]; p < pairs.offset[m + 1]; ++p) {
            const Real* partner = first.colptr(pairs.partner[p]);
            for (arma::uword f = 0; f < first.n_rows; ++f) {
                vector[f] += static_cast<double>(partner[f]) - static_cast<double>(cell[f]);
            }
        }
        const auto n_partners = static_cast<double>(pairs.offset[m + 1] - pairs.offset[m]);
        for (arma::uword f = 0; f < first.n_rows; ++f) vector[f] /= n_partners;
    });
    return vectors;
}

double relative_length(const arma::vec& mean, const arma::mat& vectors) {
    const double mean_square = arma::accu(mean_cell(arma::mat(arma::square(vectors))));
    return mean_square > 0.0 ? std::sqrt(arma::accu(arma::square(mean)) / mean_square) : 0.0;
}

template <class Real>
void flatten(Matrix<Real>& cells, const arma::vec& direction) {
    const double length = arma::norm(direction);
    if (!(length > 0.0)) return;
    const arma::vec unit = direction / length;
    arma::mat place(1, cells.n_cols, arma::fill::none);
    for_each_cell(cells.n_cols, [&](std::size_t i) {
        const Real* cell = cells.colptr(i);
        double sum = 0.0;
        for (arma::uword f = 0; f < cells.n_rows; ++f) sum += static_cast<double>(cell[f]) * unit[f];
        place[i] = sum;
    });
    const double centre = mean_cell(place)[0];
    for_each_cell(cells.n_cols, [&](std::size_t i) {
        Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < cells.n_rows; ++f) {
            cell[f] = static_cast<Real>(static_cast<double>(cell[f]) + (centre - place[i]) * unit[f]);
        }
    });
}

template <class Real>
void move_smoothly(Matrix<Real>& cells, const MutualPairs& pairs, const arma::mat& vectors, std::size_t k,
                   double bandwidth) {
    const std::size_t n_nearest = std::min(k, pairs.member.size());
    const Neighbors nearest = nearest_neighbors_among(cells_at(cells, pairs.member), cells, n_nearest);
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<double> weight(n_nearest);
        arma::vec move(cells.n_rows);
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            set_tricube_weights(nearest.squared_distance.colptr(i), n_nearest, bandwidth, weight);
            move.zeros();
            for (std::size_t r = 0; r < n_nearest; ++r) {
                const double* vector = vectors.colptr(nearest.index(r, i));
                for (arma::uword f = 0; f < cells.n_rows; ++f) move[f] += weight[r] * vector[f];
            }
            Real* cell = cells.colptr(i);
            for (arma::uword f = 0; f < cells.n_rows; ++f) {
                cell[f] = static_cast<Real>(static_cast<double>(cell[f]) + move[f]);
            }
        }
    });
}

#define BCBENCH_INSTANTIATE(Real)                                                                        \
    template arma::mat correction_vectors(const Matrix<Real>&, const Matrix<Real>&, const MutualPairs&); \
    template void flatten(Matrix<Real>&, const arma::vec&);                                              \
    template void move_smoothly(Matrix<Real>&, const MutualPairs&, const arma::mat&, std::size_t, double)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::mnn
