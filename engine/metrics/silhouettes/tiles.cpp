#include "engine/metrics/silhouettes/tiles.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/core/parallel.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/metrics/silhouettes/tiles.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::silhouette::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t block_vectors = 2;
constexpr std::size_t block_rows = HWY_CAP_GE512 ? 12 : 4;  // as many sums as the registers hold

HWY_INLINE hn::Vec<hn::ScalableTag<float>> difference(hn::ScalableTag<float> d, const float* values, float centre) {
    return hn::Sub(hn::LoadU(d, values), hn::Set(d, centre));
}

HWY_INLINE hn::Vec<hn::ScalableTag<double>> difference(hn::ScalableTag<double> d, const double* values, double centre) {
    return hn::Sub(hn::LoadU(d, values), hn::Set(d, centre));
}

/// `values` [tile_width x n_features] minus `centre` [n_features], and |x|^2 in the order of the products.
template <class Sum>
HWY_INLINE void norms_of(const Sum* values, std::size_t n_features, Sum* norm) {
    const hn::ScalableTag<Sum> d;
    for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
        auto sum = hn::Zero(d);
        for (std::size_t f = 0; f < n_features; ++f) {
            const auto x = hn::LoadU(d, values + f * tile_width + i);
            sum = hn::MulAdd(x, x, sum);
        }
        hn::StoreU(sum, d, norm + i);
    }
}

template <class Real>
HWY_INLINE void subtract(const Real* values, const Real* centre, std::size_t n_features, Real* out) {
    const hn::ScalableTag<Real> d;
    for (std::size_t f = 0; f < n_features; ++f) {
        for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
            const std::size_t at = f * tile_width + i;
            hn::StoreU(difference(d, values + at, centre[f]), d, out + at);
        }
    }
}

void put_floats(const float* values, const float* centre, std::size_t n_features, float* out, float* norm) {
    subtract(values, centre, n_features, out);
    norms_of(out, n_features, norm);
}

void put_doubles(const double* values, const double* centre, std::size_t n_features, double* out, double* norm) {
    subtract(values, centre, n_features, out);
    norms_of(out, n_features, norm);
}

void put_doubles_as_floats(const double* values, const double* centre, std::size_t n_features, float* out,
                           float* norm) {
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> floats;
    for (std::size_t f = 0; f < n_features; ++f) {
        for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
            const std::size_t at = f * tile_width + i;
            hn::StoreU(hn::DemoteTo(floats, difference(d, values + at, centre[f])), floats, out + at);
        }
    }
    norms_of(out, n_features, norm);
}

void put_floats_as_doubles(const float* values, const float* centre, std::size_t n_features, double* out,
                           double* norm) {
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> floats;
    for (std::size_t f = 0; f < n_features; ++f) {
        const auto middle = hn::Set(d, static_cast<double>(centre[f]));
        for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
            const std::size_t at = f * tile_width + i;
            hn::StoreU(hn::Sub(hn::PromoteTo(d, hn::LoadU(floats, values + at)), middle), d, out + at);
        }
    }
    norms_of(out, n_features, norm);
}

/// The root of `squared` >= 0. In float an estimate of 1 / root and one step of Newton's, within 2 units in the last
/// place, as the hardware's root takes longer than the whole product; below 1e-30 of the square of the scale, too
/// small.
HWY_INLINE hn::Vec<hn::ScalableTag<float>> root(hn::ScalableTag<float> d, hn::Vec<hn::ScalableTag<float>> squared) {
    const auto inverse = hn::ApproximateReciprocalSqrt(hn::Max(squared, hn::Set(d, 1e-30F)));
    const auto estimate = hn::Mul(squared, inverse);
    const auto left = hn::NegMulAdd(estimate, estimate, squared);
    return hn::MulAdd(hn::Mul(hn::Set(d, 0.5F), inverse), left, estimate);
}

HWY_INLINE hn::Vec<hn::ScalableTag<double>> root(hn::ScalableTag<double>, hn::Vec<hn::ScalableTag<double>> squared) {
    return hn::Sqrt(squared);
}

/// The distances of block_rows cells of `b`, from `first` on, to all cells of `a`. out: [tile_width x block_rows]
template <class Sum>
HWY_INLINE void strip_distances(const Sum* a, const Sum* norm_a, const Sum* b, const Sum* norm_b, std::size_t first,
                                std::size_t n_features, Sum* HWY_RESTRICT out) {
    const hn::ScalableTag<Sum> d;
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t i = 0; i < tile_width; i += block_vectors * lanes) {
        hn::Vec<decltype(d)> sums[block_vectors][block_rows];
        for (std::size_t v = 0; v < block_vectors; ++v) {
            for (std::size_t r = 0; r < block_rows; ++r) sums[v][r] = hn::Zero(d);
        }
        for (std::size_t f = 0; f < n_features; ++f) {
            hn::Vec<decltype(d)> column[block_vectors];
            for (std::size_t v = 0; v < block_vectors; ++v) {
                column[v] = hn::LoadU(d, a + f * tile_width + i + v * lanes);
            }
            for (std::size_t r = 0; r < block_rows; ++r) {
                const auto row = hn::Set(d, b[f * tile_width + first + r]);
                for (std::size_t v = 0; v < block_vectors; ++v) sums[v][r] = hn::MulAdd(column[v], row, sums[v][r]);
            }
        }
        for (std::size_t v = 0; v < block_vectors; ++v) {
            const auto norm = hn::LoadU(d, norm_a + i + v * lanes);
            for (std::size_t r = 0; r < block_rows; ++r) {
                const auto norms = hn::Add(norm, hn::Set(d, norm_b[first + r]));
                const auto squared = hn::NegMulAdd(hn::Set(d, Sum(2)), sums[v][r], norms);
                const auto distance = root(d, hn::Max(squared, hn::Zero(d)));
                hn::StoreU(distance, d, out + r * tile_width + i + v * lanes);
            }
        }
    }
}

/// The sum of `values` from run.first to run.last; a vector behind them can be read.
template <class Sum>
HWY_INLINE double sum_of_run(const Sum* values, Run run) {
    const hn::ScalableTag<Sum> d;
    const std::size_t lanes = hn::Lanes(d);
    auto sum = hn::Zero(d);
    std::size_t i = run.first;
    for (; i + lanes <= run.last; i += lanes) sum = hn::Add(sum, hn::LoadU(d, values + i));
    if (i < run.last) {
        sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, run.last - i), hn::LoadU(d, values + i)));
    }
    return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

HWY_INLINE void add_to_doubles(const float* values, double* sums) {
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> floats;
    for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
        const auto more = hn::PromoteTo(d, hn::LoadU(floats, values + i));
        hn::StoreU(hn::Add(hn::LoadU(d, sums + i), more), d, sums + i);
    }
}

HWY_INLINE void add_to_doubles(const double* values, double* sums) {
    const hn::ScalableTag<double> d;
    for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
        hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, values + i)), d, sums + i);
    }
}

/// Adds the rows first .. last-1 of `strip` [tile_width x rows] to sums [tile_width].
template <class Sum>
HWY_INLINE void add_rows(const Sum* strip, std::size_t first, std::size_t last, double* sums) {
    const hn::ScalableTag<Sum> d;
    HWY_ALIGN Sum together[tile_width];
    for (std::size_t i = 0; i < tile_width; i += hn::Lanes(d)) {
        auto sum = hn::LoadU(d, strip + first * tile_width + i);
        for (std::size_t r = first + 1; r < last; ++r) sum = hn::Add(sum, hn::LoadU(d, strip + r * tile_width + i));
        hn::Store(sum, d, together + i);
    }
    add_to_doubles(together, sums);
}

/// What distance_sums says. of_a may be null.
template <class Sum>
HWY_INLINE void sum_distances(const Sum* a, const Sum* norm_a, const std::vector<Run>& runs_a, const Sum* b,
                              const Sum* norm_b, const std::vector<Run>& runs_b, std::size_t n_features, double* of_a,
                              double* of_b) {
    HWY_ALIGN Sum strip[block_rows * tile_width + HWY_MAX_BYTES / sizeof(Sum)] = {};
    const std::size_t rows = runs_b.back().last;
    std::size_t run = 0;  // of b
    for (std::size_t first = 0; first < rows; first += block_rows) {
        strip_distances(a, norm_a, b, norm_b, first, n_features, strip);
        const std::size_t end = std::min(first + block_rows, rows);
        for (std::size_t row = first; row < end; ++row) {
            for (std::size_t r = 0; r < runs_a.size(); ++r) {
                of_b[r * tile_width + row] = sum_of_run(strip + (row - first) * tile_width, runs_a[r]);
            }
        }
        if (of_a == nullptr) continue;
        for (std::size_t row = first; row < end;) {
            const std::size_t last = std::min(end, runs_b[run].last);
            add_rows(strip, row - first, last - first, of_a + run * tile_width);
            row = last;
            if (last == runs_b[run].last) ++run;
        }
    }
}

void sum_distances_in_float(const float* a, const float* norm_a, const std::vector<Run>& runs_a, const float* b,
                            const float* norm_b, const std::vector<Run>& runs_b, std::size_t n_features, double* of_a,
                            double* of_b) {
    sum_distances(a, norm_a, runs_a, b, norm_b, runs_b, n_features, of_a, of_b);
}

void sum_distances_in_double(const double* a, const double* norm_a, const std::vector<Run>& runs_a, const double* b,
                             const double* norm_b, const std::vector<Run>& runs_b, std::size_t n_features, double* of_a,
                             double* of_b) {
    sum_distances(a, norm_a, runs_a, b, norm_b, runs_b, n_features, of_a, of_b);
}

}  // namespace bcbench::silhouette::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::silhouette {

HWY_EXPORT(put_floats);
HWY_EXPORT(put_doubles);
HWY_EXPORT(put_doubles_as_floats);
HWY_EXPORT(put_floats_as_doubles);
HWY_EXPORT(sum_distances_in_float);
HWY_EXPORT(sum_distances_in_double);

template <class Real>
OrderedTiles<Real>::OrderedTiles(const Matrix<Real>& cells, std::vector<std::uint32_t> order_of_cells)
    : order(std::move(order_of_cells)) {
    const std::size_t n_tiles = (order.size() + tile_width - 1) / tile_width;
    values.set_size(tile_width, cells.n_rows * n_tiles);
    centre.set_size(cells.n_rows, n_tiles);
    int exponent = 0;
    std::frexp(static_cast<double>(arma::abs(cells).max()), &exponent);
    const double scale = std::ldexp(1.0, std::min(-exponent, 1000));
    parallel_for(n_tiles, [&](std::size_t tile) {
        arma::vec sum(cells.n_rows, arma::fill::zeros);
        for (std::size_t i = 0; i < tile_width; ++i) {
            const std::size_t place = tile * tile_width + std::min(i, size(tile) - 1);
            const Real* cell = cells.colptr(order[place]);
            for (std::size_t f = 0; f < cells.n_rows; ++f) {
                const auto value = static_cast<Real>(static_cast<double>(cell[f]) * scale);
                values(i, tile * cells.n_rows + f) = value;
                if (i < size(tile)) sum[f] += static_cast<double>(value);
            }
        }
        for (std::size_t f = 0; f < cells.n_rows; ++f) {
            centre(f, tile) = static_cast<Real>(sum[f] / static_cast<double>(size(tile)));
        }
    });
}

template <class Real>
std::size_t OrderedTiles<Real>::size(std::size_t tile) const {
    return std::min(tile_width, order.size() - tile * tile_width);
}

template <class Real>
Vector<Real> centre_between(const OrderedTiles<Real>& tiles, std::size_t a, std::size_t b) {
    return (tiles.centre.col(a) + tiles.centre.col(b)) / Real(2);
}

template <class Real, class Sum>
void put_about(const OrderedTiles<Real>& tiles, std::size_t tile, const Vector<Real>& centre, CentredTile<Sum>& out) {
    const std::size_t n_features = tiles.n_features();
    out.values.resize(tile_width * n_features);
    out.norm.resize(tile_width);
    const Real* values = tiles.values.colptr(tile * n_features);
    if constexpr (std::is_same_v<Real, float> && std::is_same_v<Sum, double>) {
        HWY_DYNAMIC_DISPATCH(put_floats_as_doubles)
        (values, centre.memptr(), n_features, out.values.data(), out.norm.data());
    } else if constexpr (std::is_same_v<Real, float>) {
        HWY_DYNAMIC_DISPATCH(put_floats)
        (values, centre.memptr(), n_features, out.values.data(), out.norm.data());
    } else if constexpr (std::is_same_v<Sum, float>) {
        HWY_DYNAMIC_DISPATCH(put_doubles_as_floats)
        (values, centre.memptr(), n_features, out.values.data(), out.norm.data());
    } else {
        HWY_DYNAMIC_DISPATCH(put_doubles)
        (values, centre.memptr(), n_features, out.values.data(), out.norm.data());
    }
}

template <class Sum>
void distance_sums(const CentredTile<Sum>& a, const std::vector<Run>& runs_a, const CentredTile<Sum>& b,
                   const std::vector<Run>& runs_b, std::vector<double>& of_a, std::vector<double>& of_b) {
    const bool same = &a == &b;
    of_a.assign(same ? 0 : tile_width * runs_b.size(), 0.0);
    of_b.assign(tile_width * runs_a.size(), 0.0);
    double* const sums_a = same ? nullptr : of_a.data();
    const std::size_t n_features = a.values.size() / tile_width;
    if constexpr (std::is_same_v<Sum, float>) {
        HWY_DYNAMIC_DISPATCH(sum_distances_in_float)
        (a.values.data(), a.norm.data(), runs_a, b.values.data(), b.norm.data(), runs_b, n_features, sums_a,
         of_b.data());
    } else {
        HWY_DYNAMIC_DISPATCH(sum_distances_in_double)
        (a.values.data(), a.norm.data(), runs_a, b.values.data(), b.norm.data(), runs_b, n_features, sums_a,
         of_b.data());
    }
}

template struct OrderedTiles<float>;
template struct OrderedTiles<double>;
template Vector<float> centre_between(const OrderedTiles<float>&, std::size_t, std::size_t);
template Vector<double> centre_between(const OrderedTiles<double>&, std::size_t, std::size_t);
template void put_about(const OrderedTiles<float>&, std::size_t, const Vector<float>&, CentredTile<float>&);
template void put_about(const OrderedTiles<float>&, std::size_t, const Vector<float>&, CentredTile<double>&);
template void put_about(const OrderedTiles<double>&, std::size_t, const Vector<double>&, CentredTile<float>&);
template void put_about(const OrderedTiles<double>&, std::size_t, const Vector<double>&, CentredTile<double>&);
template void distance_sums(const CentredTile<float>&, const std::vector<Run>&, const CentredTile<float>&,
                            const std::vector<Run>&, std::vector<double>&, std::vector<double>&);
template void distance_sums(const CentredTile<double>&, const std::vector<Run>&, const CentredTile<double>&,
                            const std::vector<Run>&, std::vector<double>&, std::vector<double>&);

}  // namespace bcbench::silhouette
#endif  // HWY_ONCE
