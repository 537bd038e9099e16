#include "engine/kernel_sum.hpp"

#include <algorithm>
#include <cmath>

#include "engine/parallel.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr uword tile_points = 256;

// squared[j] = ||u - v_j||^2 for one u and a tile of v, stored point-major so that the inner loop runs over points.
template <class Real>
void squared_distances(const Real* u, const Matrix<Real>& v_rows, uword first, uword count, Real* squared) {
    std::fill(squared, squared + count, Real(0));
    for (uword l = 0; l < v_rows.n_cols; ++l) {
        const Real* v = v_rows.colptr(l) + first;
        for (uword j = 0; j < count; ++j) squared[j] += (u[l] - v[j]) * (u[l] - v[j]);
    }
}

// Replaces squared distances by the sum over kernels; weight[j] becomes the sum over kernels of k / w^2.
template <class Real>
Real kernels(const std::vector<double>& bandwidths, uword count, const Real* squared, Real* weight) {
    std::fill(weight, weight + count, Real(0));
    Real sum = 0;
    for (const double w : bandwidths) {
        const auto factor = static_cast<Real>(-0.5 / (w * w));
        const auto slope = static_cast<Real>(1.0 / (w * w));
        for (uword j = 0; j < count; ++j) {
            const Real k = std::exp(factor * squared[j]);
            sum += k;
            weight[j] += slope * k;
        }
    }
    return sum;
}

}  // namespace

template <class Real>
double kernel_sum(const Matrix<Real>& u, const Matrix<Real>& v, const std::vector<double>& bandwidths,
                  Matrix<Real>* u_bar, double coefficient) {
    const Matrix<Real> v_rows = v.t();  // [q x L]
    const double n_kernels = static_cast<double>(bandwidths.size());
    const auto bar_factor = static_cast<Real>(-coefficient / n_kernels);
    const Tiles u_tiles{u.n_cols, 64};
    std::vector<double> sums(u_tiles.count(), 0.0);
    parallel_for(u_tiles.count(), [&](std::size_t tile) {
        std::vector<Real> squared(tile_points);
        std::vector<Real> weight(tile_points);
        for (uword first = 0; first < v.n_cols; first += tile_points) {
            const uword count = std::min<uword>(tile_points, v.n_cols - first);
            for (uword i = u_tiles.first(tile); i < u_tiles.first(tile) + u_tiles.size(tile); ++i) {
                squared_distances(u.colptr(i), v_rows, first, count, squared.data());
                sums[tile] += static_cast<double>(kernels(bandwidths, count, squared.data(), weight.data()));
                if (u_bar == nullptr) continue;
                // d k / d u = -(u - v) k / w^2
                for (uword l = 0; l < u.n_rows; ++l) {
                    const Real* v_row = v_rows.colptr(l) + first;
                    Real bar = 0;
                    for (uword j = 0; j < count; ++j) bar += weight[j] * (u(l, i) - v_row[j]);
                    (*u_bar)(l, i) += bar_factor * bar;
                }
            }
        }
    });
    double sum = 0.0;
    for (const double part : sums) sum += part;
    return sum / n_kernels;
}

template double kernel_sum(const Matrix<float>&, const Matrix<float>&, const std::vector<double>&, Matrix<float>*,
                           double);
template double kernel_sum(const Matrix<double>&, const Matrix<double>&, const std::vector<double>&, Matrix<double>*,
                           double);

}  // namespace bcbench
