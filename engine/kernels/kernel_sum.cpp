#include "engine/kernels/kernel_sum.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/kernel_sum.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"

#ifndef BCBENCH_KERNEL_SUM_ONCE  // what all instruction sets share
#define BCBENCH_KERNEL_SUM_ONCE
namespace bcbench::kernel_tiles {

constexpr std::size_t tile_points = 128;

/// Points u against a tile of points v.
template <class Real>
struct Row {
    const Real* u;             // [L]
    const Real* v;             // [L x tile_points] dimension by dimension
    std::size_t n_dimensions;  // L
    std::size_t count;         // points in the tile
    const std::vector<double>* bandwidths;
    Real* u_bar;  // [L] receives sum_j (u - v_j) sum over kernels of k / w^2, or nullptr
};

}  // namespace bcbench::kernel_tiles
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::kernel_tiles::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

/// squared[j] = ||u - v_j||^2 as the sum of squared differences.
template <class Real>
HWY_INLINE void squared_distances(const Row<Real>& row, Real* squared) {
    const hn::ScalableTag<Real> reals;
    constexpr std::size_t group = 4;  // vectors at a time
    for (std::size_t j = 0; j < row.count; j += group * lanes<Real>) {
        hn::Vec<decltype(reals)> sum[group];
        HWY_UNROLL(4)
        for (std::size_t g = 0; g < group; ++g) sum[g] = hn::Zero(reals);
        for (std::size_t l = 0; l < row.n_dimensions; ++l) {
            const auto u = hn::Set(reals, row.u[l]);
            const Real* v = row.v + l * tile_points + j;
            HWY_UNROLL(4)
            for (std::size_t g = 0; g < group; ++g) {
                const auto gap = hn::Sub(u, hn::LoadU(reals, v + g * lanes<Real>));
                sum[g] = hn::MulAdd(gap, gap, sum[g]);
            }
        }
        HWY_UNROLL(4)
        for (std::size_t g = 0; g < group; ++g) hn::Store(sum[g], reals, squared + j + g * lanes<Real>);
    }
}

/// 1 / w^2, or the largest number there is for a tiny w: infinity would make the kernel of equal points no number.
template <class Real>
Real inverse_square(double w) {
    return static_cast<Real>(std::min(1.0 / (w * w), static_cast<double>(std::numeric_limits<Real>::max())));
}

/// sum_j sum over kernels of k(u, v_j).
template <class Real>
HWY_INLINE double kernel_row(const Row<Real>& row) {
    const hn::ScalableTag<Real> reals;
    HWY_ALIGN Real squared[tile_points];
    HWY_ALIGN Real weight[tile_points];
    squared_distances(row, squared);
    auto sum = hn::Zero(reals);
    for (std::size_t j = 0; j < row.count; j += lanes<Real>) {
        const auto members = hn::FirstN(reals, row.count - j);
        auto weights = hn::Zero(reals);
        for (const double w : *row.bandwidths) {
            const auto scale = static_cast<Real>(-0.5 * std::numbers::log2e) * inverse_square<Real>(w);
            const auto exponent = hn::Mul(hn::Load(reals, squared + j), hn::Set(reals, scale));
            const auto k = hn::IfThenElseZero(members, bcbench::HWY_NAMESPACE::exp2_of_negative(reals, exponent));
            sum = hn::Add(sum, k);
            weights = hn::MulAdd(k, hn::Set(reals, inverse_square<Real>(w)), weights);
        }
        hn::Store(weights, reals, weight + j);
    }
    if (row.u_bar != nullptr) {
        for (std::size_t l = 0; l < row.n_dimensions; ++l) {
            const auto u = hn::Set(reals, row.u[l]);
            auto bar = hn::Zero(reals);
            for (std::size_t j = 0; j < row.count; j += lanes<Real>) {
                const auto gap = hn::Sub(u, hn::LoadU(reals, row.v + l * tile_points + j));
                bar = hn::MulAdd(hn::Load(reals, weight + j), gap, bar);
            }
            row.u_bar[l] += hn::GetLane(hn::SumOfLanes(reals, bar));
        }
    }
    return static_cast<double>(hn::GetLane(hn::SumOfLanes(reals, sum)));
}

double kernel_row_float(const Row<float>& row) { return kernel_row(row); }
double kernel_row_double(const Row<double>& row) { return kernel_row(row); }

}  // namespace bcbench::kernel_tiles::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench {

namespace kernel_tiles {
HWY_EXPORT(kernel_row_float);
HWY_EXPORT(kernel_row_double);

static double kernel_row(const Row<float>& row) { return HWY_DYNAMIC_DISPATCH(kernel_row_float)(row); }
static double kernel_row(const Row<double>& row) { return HWY_DYNAMIC_DISPATCH(kernel_row_double)(row); }
}  // namespace kernel_tiles

namespace {

using arma::uword;
using kernel_tiles::tile_points;

/// The points of a tile dimension by dimension; beyond the last one zeros. [L x tile_points]
template <class Real>
void fill_tile(const Matrix<Real>& points, uword first, uword count, std::vector<Real>& tile) {
    std::fill(tile.begin(), tile.end(), Real(0));
    for (uword j = 0; j < count; ++j) {
        const Real* point = points.colptr(first + j);
        for (uword l = 0; l < points.n_rows; ++l) tile[l * tile_points + j] = point[l];
    }
}

}  // namespace

template <class Real>
double kernel_sum(const Matrix<Real>& u, const Matrix<Real>& v, const std::vector<double>& bandwidths,
                  Matrix<Real>* u_bar, double coefficient) {
    count_operations(u.n_cols * v.n_cols, (u_bar != nullptr ? 6U : 3U) * u.n_rows);  // distances, and gaps weighted
    const double n_kernels = static_cast<double>(bandwidths.size());
    const auto bar_factor = static_cast<Real>(-coefficient / n_kernels);
    const bool symmetric = &u == &v && u_bar == nullptr;  // then a pair of tiles is met once
    const Tiles u_tiles{u.n_cols, tile_points};
    const Tiles v_tiles{v.n_cols, tile_points};
    std::vector<double> sums(u_tiles.count(), 0.0);
    parallel_for(u_tiles.count(), [&](std::size_t t) {
        std::vector<Real> tile(u.n_rows * tile_points);
        Matrix<Real> bar(u.n_rows, u_tiles.size(t), arma::fill::zeros);
        for (std::size_t s = symmetric ? t : 0; s < v_tiles.count(); ++s) {
            fill_tile(v, v_tiles.first(s), v_tiles.size(s), tile);
            double sum = 0.0;
            for (uword i = 0; i < u_tiles.size(t); ++i) {
                Real* row_bar = u_bar != nullptr ? bar.colptr(i) : nullptr;
                sum += kernel_tiles::kernel_row(
                    {u.colptr(u_tiles.first(t) + i), tile.data(), u.n_rows, v_tiles.size(s), &bandwidths, row_bar});
            }
            sums[t] += symmetric && s > t ? 2.0 * sum : sum;
        }
        // d k / d u = -(u - v) k / w^2
        if (u_bar != nullptr) u_bar->cols(u_tiles.first(t), u_tiles.first(t) + u_tiles.size(t) - 1) += bar_factor * bar;
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
#endif  // HWY_ONCE
