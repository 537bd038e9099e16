#include "engine/neighbors/filter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#define HWY_WANT_AVX3_DL 1
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/neighbors/filter.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef BCBENCH_NEIGHBORS_FILTER_ONCE  // what all instruction sets share
#define BCBENCH_NEIGHBORS_FILTER_ONCE
namespace bcbench::neighbor_search {

constexpr double room = 1.0 + 1e-12;  // for the handful of roundings of a bound

/// With d the true distance and u = 2^-53, each difference, square and sum of the computed squared distance
/// rounds once, and a square may underflow: computed >= d^2 (1 - u)^(F + 2) - F 2^-1074. Solved for d, with
/// room: d <= sqrt((computed + absolute) relative).
struct ReachBound {
    double absolute, relative;

    explicit ReachBound(std::size_t n_features)
        : absolute(static_cast<double>(n_features) * std::numeric_limits<double>::denorm_min()),
          relative(1.0 + (static_cast<double>(n_features) + 8.0) * std::numeric_limits<double>::epsilon()) {}
};

}  // namespace bcbench::neighbor_search
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::neighbor_search::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Int32s = hn::ScalableTag<std::int32_t>;
using Word = hn::Vec<Int32s>;

constexpr std::size_t lanes = HWY_LANES(std::int32_t);
constexpr std::size_t block_vectors = tile_width / lanes >= 2 ? 2 : 1;
constexpr std::size_t block_rows = HWY_CAP_GE512 ? 8 : 4;  // as many sums as the registers hold

/// sum + the products of the two 16-bit halves of each word.
HWY_INLINE Word add_products(Word a, Word b, Word sum) {
#if HWY_ARCH_X86 && HWY_TARGET == HWY_AVX3_DL
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));  // what Highway 1.0 does in two steps
    return sum;
#elif HWY_TARGET == HWY_SCALAR
    const Word low_products =
        hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
    return hn::Add(sum, hn::Add(low_products, hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b))));
#else
    const hn::Repartition<std::int16_t, Int32s> halves;
    Word others = hn::Zero(Int32s());  // where the instruction set sums the two halves apart
    sum = hn::ReorderWidenMulAccumulate(Int32s(), hn::BitCast(halves, a), hn::BitCast(halves, b), sum, others);
    return hn::RearrangeToOddPlusEven(sum, others);
#endif
}

HWY_INLINE hn::Vec<hn::Rebind<std::int32_t, hn::ScalableTag<float>>> to_grid(hn::Vec<hn::ScalableTag<float>> value) {
    return hn::NearestInt(value);
}

HWY_INLINE hn::Vec<hn::Rebind<std::int32_t, hn::ScalableTag<double>>> to_grid(hn::Vec<hn::ScalableTag<double>> value) {
    return hn::NearestInt(hn::DemoteTo(hn::Rebind<float, hn::ScalableTag<double>>(), value));
}

/// `values` [tile_width x n_features], `centre` [n_features] -> words and minus_half as in GridTile.
template <class Real>
HWY_INLINE void put_on_grid(const Real* values, const Real* centre, Real scale, std::size_t n_features,
                            std::int32_t* words, std::int32_t* minus_half) {
    const hn::ScalableTag<Real> reals;
    const hn::Rebind<std::int32_t, decltype(reals)> ints;
    const auto scales = hn::Set(reals, scale);
    const auto low_half = hn::Set(ints, 0xffff);
    const auto grid_value = [&](std::size_t f, std::size_t i) HWY_ATTR {
        const auto value = hn::LoadU(reals, values + f * tile_width + i);
        return to_grid(hn::Mul(hn::Sub(value, hn::Set(reals, centre[f])), scales));
    };
    for (std::size_t f = 0; f < n_features; f += 2) {
        for (std::size_t i = 0; i < tile_width; i += hn::Lanes(reals)) {
            const auto even = grid_value(f, i);
            const auto odd = f + 1 < n_features ? grid_value(f + 1, i) : hn::Zero(ints);
            const auto word = hn::Or(hn::And(even, low_half), hn::ShiftLeft<16>(odd));
            hn::StoreU(word, ints, words + f / 2 * tile_width + i);
        }
    }
    for (std::size_t i = 0; i < tile_width; i += lanes) {
        Word squares = hn::Zero(Int32s());
        for (std::size_t w = 0; w < (n_features + 1) / 2; ++w) {
            const Word word = hn::LoadU(Int32s(), words + w * tile_width + i);
            squares = add_products(word, word, squares);
        }
        hn::StoreU(hn::Neg(hn::ShiftRight<1>(squares)), Int32s(), minus_half + i);
    }
}

void put_floats_on_grid(const float* values, const float* centre, float scale, std::size_t n_features,
                        std::int32_t* words, std::int32_t* minus_half) {
    put_on_grid(values, centre, scale, n_features, words, minus_half);
}

void put_doubles_on_grid(const double* values, const double* centre, double scale, std::size_t n_features,
                         std::int32_t* words, std::int32_t* minus_half) {
    put_on_grid(values, centre, scale, n_features, words, minus_half);
}

/// `worst` [tile_width] squared distances -> minus_limit as in GridTile.
void set_limits(const double* worst, const ReachBound& bound, double scale, double slack, std::int32_t* minus_limit) {
    const hn::ScalableTag<double> doubles;
    const hn::Rebind<std::int32_t, decltype(doubles)> ints;
    const auto largest = hn::Set(doubles, std::numeric_limits<std::int32_t>::max());
    for (std::size_t i = 0; i < tile_width; i += hn::Lanes(doubles)) {
        const auto squared = hn::Add(hn::LoadU(doubles, worst + i), hn::Set(doubles, bound.absolute));
        const auto reach = hn::Sqrt(hn::Mul(squared, hn::Set(doubles, bound.relative)));
        const auto within = hn::Add(hn::Mul(reach, hn::Set(doubles, scale * room)), hn::Set(doubles, 2.0 * slack));
        const auto limit = hn::Mul(hn::Mul(within, within), hn::Set(doubles, 0.5 * room));
        hn::StoreU(hn::Neg(hn::DemoteTo(ints, hn::Min(limit, largest))), ints, minus_limit + i);
    }
}

/// Minus half the squared grid distances of block_vectors*lanes cells of `a` and block_rows cells of `b`,
/// rounded up.
using Block = Word[block_vectors][block_rows];

HWY_INLINE void grid_distances(const GridTile& a, std::size_t first_a, const GridTile& b, std::size_t first_b,
                               Block& sums) {
    const Int32s ints;
    for (std::size_t v = 0; v < block_vectors; ++v) {
        const Word half = hn::LoadU(ints, a.minus_half.data() + first_a + v * lanes);
        for (std::size_t r = 0; r < block_rows; ++r) {
            sums[v][r] = hn::Add(half, hn::Set(ints, b.minus_half[first_b + r]));
        }
    }
    for (std::size_t w = 0; w < a.words.size(); w += tile_width) {
        Word column[block_vectors];
        for (std::size_t v = 0; v < block_vectors; ++v) {
            column[v] = hn::LoadU(ints, a.words.data() + w + first_a + v * lanes);
        }
        for (std::size_t r = 0; r < block_rows; ++r) {
            const Word row = hn::Set(ints, b.words[w + first_b + r]);
            for (std::size_t v = 0; v < block_vectors; ++v) sums[v][r] = add_products(column[v], row, sums[v][r]);
        }
    }
}

/// A pair is close if -|q_a - q_b|^2 / 2 reaches the lower of the two limits.
HWY_INLINE hn::Mask<Int32s> is_close(Word sum, Word limit_a, Word limit_b) {
    return hn::Not(hn::Lt(sum, hn::Min(limit_a, limit_b)));
}

HWY_INLINE bool any_close(const Block& sums, const GridTile& a, std::size_t first_a, const GridTile& b,
                          std::size_t first_b) {
    const Int32s ints;
    auto any = hn::FirstN(ints, 0);
    for (std::size_t v = 0; v < block_vectors; ++v) {
        const Word limit_a = hn::LoadU(ints, a.minus_limit.data() + first_a + v * lanes);
        for (std::size_t r = 0; r < block_rows; ++r) {
            const Word limit_b = hn::Set(ints, b.minus_limit[first_b + r]);
            any = hn::Or(any, is_close(sums[v][r], limit_a, limit_b));
        }
    }
    return !hn::AllFalse(ints, any);
}

void append_close(const Block& sums, const GridTile& a, std::size_t first_a, const GridTile& b, std::size_t first_b,
                  std::vector<PlacePair>& close) {
    const Int32s ints;
    for (std::size_t v = 0; v < block_vectors; ++v) {
        const std::size_t place_a = first_a + v * lanes;
        const Word limit_a = hn::LoadU(ints, a.minus_limit.data() + place_a);
        for (std::size_t r = 0; r < block_rows; ++r) {
            const std::size_t place_b = first_b + r;
            std::uint8_t bytes[8] = {};
            hn::StoreMaskBits(ints, is_close(sums[v][r], limit_a, hn::Set(ints, b.minus_limit[place_b])), bytes);
            std::uint64_t bits = 0;
            std::memcpy(&bits, bytes, sizeof bits);
            for (; bits != 0; bits &= bits - 1) {
                const std::size_t lane = hwy::Num0BitsBelowLS1Bit_Nonzero64(bits);
                close.push_back({static_cast<std::uint16_t>(place_a + lane), static_cast<std::uint16_t>(place_b)});
            }
        }
    }
}

void find_close_pairs(const GridTile& a, const GridTile& b, std::vector<PlacePair>& close) {
    for (std::size_t first_a = 0; first_a < tile_width; first_a += block_vectors * lanes) {
        for (std::size_t first_b = 0; first_b < tile_width; first_b += block_rows) {
            Block sums;
            grid_distances(a, first_a, b, first_b, sums);
            if (any_close(sums, a, first_a, b, first_b)) append_close(sums, a, first_a, b, first_b, close);
        }
    }
}

void grid_distances_of_eight(const GridTile& a, std::size_t first, const GridTile& b, std::int32_t* out) {
    for (std::size_t row = 0; row < 8; row += block_rows) {
        for (std::size_t column = 0; column < tile_width; column += block_vectors * lanes) {
            Block sums;
            grid_distances(b, column, a, first + row, sums);
            for (std::size_t v = 0; v < block_vectors; ++v) {
                for (std::size_t r = 0; r < block_rows; ++r) {
                    hn::StoreU(sums[v][r], Int32s(), out + (row + r) * tile_width + column + v * lanes);
                }
            }
        }
    }
}

}  // namespace bcbench::neighbor_search::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::neighbor_search {

namespace {

HWY_EXPORT(put_floats_on_grid);
HWY_EXPORT(put_doubles_on_grid);
HWY_EXPORT(set_limits);
HWY_EXPORT(find_close_pairs);
HWY_EXPORT(grid_distances_of_eight);

// Of a cell on the grid, so that half a squared grid distance is below 2^31.
constexpr double largest_norm = 32767.0;

}  // namespace

double reach(double squared, std::size_t n_features) {
    const ReachBound bound(n_features);
    return std::sqrt((squared + bound.absolute) * bound.relative) * room;
}

template <class Real>
Grid<Real> common_grid(const CellTiles<Real>& tiles_a, std::size_t a, const CellTiles<Real>& tiles_b,
                       const std::vector<std::size_t>& members) {
    const std::size_t n_features = tiles_a.centre.n_rows;
    const auto count = static_cast<Real>(members.size() + 1);
    Grid<Real> grid;
    grid.centre = tiles_a.centre.col(a) / count;
    for (const std::size_t b : members) grid.centre += tiles_b.centre.col(b) / count;
    grid.slack = std::sqrt(static_cast<double>(n_features)) * (0.5 + 1.0 / 64.0) * room;
    const auto reaches = [&](const CellTiles<Real>& tiles, std::size_t tile) {
        const double shift = distance_at_most(tiles.centre.colptr(tile), grid.centre.memptr(), n_features);
        return (tiles.radius[tile] + shift) * room;
    };
    double radius = reaches(tiles_a, a);
    for (const std::size_t b : members) radius = std::max(radius, reaches(tiles_b, b));
    // Half a unit below, so that rounding the scale to Real cannot push a norm over; differences must not
    // overflow.
    const double scale = (largest_norm - 0.5 - grid.slack) / radius;
    using Limits = std::numeric_limits<Real>;
    const bool fits = radius < static_cast<double>(Limits::max()) / 8.0 && scale < static_cast<double>(Limits::max()) &&
                      scale > static_cast<double>(Limits::min());
    grid.scale = fits ? static_cast<Real>(scale) : Real(0);
    return grid;
}

template <class Real>
void put_on_grid(const CellTiles<Real>& tiles, std::size_t tile, const Grid<Real>& grid, GridTile& out) {
    const std::size_t n_features = tiles.centre.n_rows;
    out.words.assign((n_features + 1) / 2 * tile_width, 0);
    out.minus_half.assign(tile_width, 0);
    if (grid.scale == Real(0)) return;
    const Real* values = tiles.values.colptr(tile * n_features);
    if constexpr (std::is_same_v<Real, float>) {
        HWY_DYNAMIC_DISPATCH(put_floats_on_grid)
        (values, grid.centre.memptr(), grid.scale, n_features, out.words.data(), out.minus_half.data());
    } else {
        HWY_DYNAMIC_DISPATCH(put_doubles_on_grid)
        (values, grid.centre.memptr(), grid.scale, n_features, out.words.data(), out.minus_half.data());
    }
}

template <class Real>
void set_limits(const std::vector<double>& worst, const Grid<Real>& grid, GridTile& out) {
    out.minus_limit.assign(tile_width, -std::numeric_limits<std::int32_t>::max());
    if (grid.scale == Real(0)) return;
    HWY_DYNAMIC_DISPATCH(set_limits)
    (worst.data(), ReachBound(grid.centre.n_elem), static_cast<double>(grid.scale), grid.slack, out.minus_limit.data());
}

void find_close_pairs(const GridTile& a, const GridTile& b, std::vector<PlacePair>& close) {
    HWY_DYNAMIC_DISPATCH(find_close_pairs)(a, b, close);
}

void grid_distances_of_eight(const GridTile& a, std::size_t first, const GridTile& b, std::int32_t* out) {
    HWY_DYNAMIC_DISPATCH(grid_distances_of_eight)(a, first, b, out);
}

template <class Real>
double distance_within(std::int32_t minus_half, const Grid<Real>& grid) {
    const ReachBound bound(grid.centre.n_elem);
    const double on_grid = std::sqrt(2.0 * (1.0 - static_cast<double>(minus_half)));
    const double distance = (on_grid + 2.0 * grid.slack) / static_cast<double>(grid.scale);
    return (distance * distance * bound.relative + bound.absolute) * room;
}

template Grid<float> common_grid(const CellTiles<float>&, std::size_t, const CellTiles<float>&,
                                 const std::vector<std::size_t>&);
template Grid<double> common_grid(const CellTiles<double>&, std::size_t, const CellTiles<double>&,
                                  const std::vector<std::size_t>&);
template void put_on_grid(const CellTiles<float>&, std::size_t, const Grid<float>&, GridTile&);
template void put_on_grid(const CellTiles<double>&, std::size_t, const Grid<double>&, GridTile&);
template double distance_within(std::int32_t, const Grid<float>&);
template double distance_within(std::int32_t, const Grid<double>&);
template void set_limits(const std::vector<double>&, const Grid<float>&, GridTile&);
template void set_limits(const std::vector<double>&, const Grid<double>&, GridTile&);

}  // namespace bcbench::neighbor_search
#endif  // HWY_ONCE
