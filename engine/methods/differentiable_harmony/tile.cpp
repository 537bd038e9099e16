#include "engine/methods/differentiable_harmony/tile.hpp"

#include <algorithm>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/methods/differentiable_harmony/tile.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/transpose-inl.hpp"
#include "engine/methods/differentiable_harmony/tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::differentiable_harmony::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using bcbench::HWY_NAMESPACE::for_each_square;
using bcbench::HWY_NAMESPACE::square;
using bcbench::HWY_NAMESPACE::transpose_square;

template <class Real>
HWY_INLINE void add_row_sums(const Real* tile, std::size_t n_rows, std::size_t count, Real* sums) {
    const hn::ScalableTag<Real> reals;
    const std::size_t whole = count / lanes<Real> * lanes<Real>;
    for (std::size_t r = 0; r < n_rows; ++r, tile += tile_width) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < whole; i += lanes<Real>) sum = hn::Add(sum, hn::Load(reals, tile + i));
        sums[r] += hn::GetLane(hn::SumOfLanes(reals, sum));
        for (std::size_t i = whole; i < count; ++i) sums[r] += tile[i];
    }
}

template <class Real>
HWY_INLINE void load(const Real* matrix, std::size_t n_features, const std::uint32_t* columns, std::size_t count,
                     Real* tile) {
    constexpr std::size_t side = square<Real>;
    constexpr std::size_t ahead = 4 * side;  // cells whose memory is asked for before their turn comes
    constexpr std::size_t line = 64 / sizeof(Real);
    const std::size_t end = whole_blocks<Real>(count);
    for (std::size_t i = 0; i < end; i += side) {
        for (std::size_t c = i + ahead; c < std::min(i + ahead + side, count); ++c) {
            for (std::size_t f = 0; f < n_features; f += line) hwy::Prefetch(matrix + n_features * columns[c] + f);
        }
        const Real* cell[side];
        for (std::size_t c = 0; c < side; ++c) cell[c] = matrix + n_features * columns[std::min(i + c, count - 1)];
        if (n_features < side) {
            for (std::size_t f = 0; f < n_features; ++f) {
                for (std::size_t c = 0; c < side; ++c) tile[f * tile_width + i + c] = cell[c][f];
            }
            continue;
        }
        for_each_square<Real>(n_features, [&](std::size_t f) HWY_ATTR {
            const Real* from[side];
            Real* to[side];
            for (std::size_t c = 0; c < side; ++c) {
                from[c] = cell[c] + f;
                to[c] = tile + (f + c) * tile_width + i;
            }
            transpose_square(from, to);
        });
    }
}

template <class Real>
HWY_INLINE void store(const Real* tile, std::size_t n_features, const std::uint32_t* columns, std::size_t count,
                      Real* matrix) {
    constexpr std::size_t side = square<Real>;
    const std::size_t whole = n_features < side ? 0 : count / side * side;  // cells in whole squares
    for (std::size_t i = 0; i < whole; i += side) {
        for_each_square<Real>(n_features, [&](std::size_t f) HWY_ATTR {
            const Real* from[side];
            Real* to[side];
            for (std::size_t c = 0; c < side; ++c) {
                from[c] = tile + (f + c) * tile_width + i;
                to[c] = matrix + n_features * columns[i + c] + f;
            }
            transpose_square(from, to);
        });
    }
    for (std::size_t i = whole; i < count; ++i) {
        for (std::size_t f = 0; f < n_features; ++f) matrix[n_features * columns[i] + f] = tile[f * tile_width + i];
    }
}

template <class Real>
HWY_INLINE void shift(const Real* y, std::size_t n_rows, std::size_t count, Real sign, const Real* by, Real* moved) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, y += tile_width, moved += tile_width) {
        const auto way = hn::Set(reals, sign * by[f]);
        for (std::size_t i = 0; i < whole_blocks<Real>(count); i += lanes<Real>) {
            hn::Store(hn::Add(hn::Load(reals, y + i), way), reals, moved + i);
        }
    }
}

template <class Real>
HWY_INLINE void move_towards(const Real* target, const Real* y, std::size_t n_rows, std::size_t count, const Real* rate,
                             Real* moved) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, target += tile_width, y += tile_width, moved += tile_width) {
        for (std::size_t i = 0; i < whole_blocks<Real>(count); i += lanes<Real>) {
            const auto before = hn::Load(reals, y + i);
            const auto gap = hn::Sub(hn::Load(reals, target + i), before);
            hn::Store(hn::MulAdd(hn::LoadU(reals, rate + i), gap, before), reals, moved + i);
        }
    }
}

template <class Real>
HWY_INLINE void move_towards_backward(std::size_t n_rows, std::size_t count, const Real* rate, Real* y_bar,
                                      Real* target_bar) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, target_bar += tile_width, y_bar += tile_width) {
        for (std::size_t i = 0; i < whole_blocks<Real>(count); i += lanes<Real>) {
            const auto bar = hn::Load(reals, y_bar + i);
            const auto part = hn::Mul(hn::LoadU(reals, rate + i), bar);
            hn::Store(part, reals, target_bar + i);
            hn::Store(hn::Sub(bar, part), reals, y_bar + i);
        }
    }
}

/// Sums over even and over odd rows, for a sum waits for the one before it.
template <class Real>
HWY_INLINE void dot_differences(const Real* bar, const Real* after, const Real* before, std::size_t n_rows,
                                std::size_t count, Real* dot) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; i += block_cells<Real>) {
        hn::Vec<decltype(reals)> sum[2][block_vectors];
        for (std::size_t v = 0; v < block_vectors; ++v) sum[0][v] = sum[1][v] = hn::Zero(reals);
        for (std::size_t f = 0; f < n_rows; ++f) {
            for (std::size_t v = 0; v < block_vectors; ++v) {
                const std::size_t place = f * tile_width + i + v * lanes<Real>;
                const auto moved = hn::Sub(hn::Load(reals, after + place), hn::Load(reals, before + place));
                sum[f % 2][v] = hn::MulAdd(hn::Load(reals, bar + place), moved, sum[f % 2][v]);
            }
        }
        for (std::size_t v = 0; v < block_vectors; ++v) {
            hn::StoreU(hn::Add(sum[0][v], sum[1][v]), reals, dot + i + v * lanes<Real>);
        }
    }
}

/// One entry per function for the dispatch, which knows no templates.
#define BCBENCH_TILE_FUNCTIONS(Real, suffix)                                                                       \
    void load_##suffix(const Real* m, std::size_t f, const std::uint32_t* c, std::size_t n, Real* t) {             \
        load(m, f, c, n, t);                                                                                       \
    }                                                                                                              \
    void store_##suffix(const Real* t, std::size_t f, const std::uint32_t* c, std::size_t n, Real* m) {            \
        store(t, f, c, n, m);                                                                                      \
    }                                                                                                              \
    void add_row_sums_##suffix(const Real* t, std::size_t r, std::size_t n, Real* s) { add_row_sums(t, r, n, s); } \
    void shift_##suffix(const Real* y, std::size_t r, std::size_t n, Real sign, const Real* by, Real* m) {         \
        shift(y, r, n, sign, by, m);                                                                               \
    }                                                                                                              \
    void move_##suffix(const Real* t, const Real* y, std::size_t r, std::size_t n, const Real* rate, Real* m) {    \
        move_towards(t, y, r, n, rate, m);                                                                         \
    }                                                                                                              \
    void move_backward_##suffix(std::size_t r, std::size_t n, const Real* rate, Real* y, Real* t) {                \
        move_towards_backward(r, n, rate, y, t);                                                                   \
    }                                                                                                              \
    void dot_differences_##suffix(const Real* b, const Real* y, const Real* x, std::size_t r, std::size_t n,       \
                                  Real* d) {                                                                       \
        dot_differences(b, y, x, r, n, d);                                                                         \
    }
BCBENCH_TILE_FUNCTIONS(float, float)
BCBENCH_TILE_FUNCTIONS(double, double)
#undef BCBENCH_TILE_FUNCTIONS

}  // namespace bcbench::differentiable_harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::differentiable_harmony {

#define BCBENCH_DISPATCH(Real, suffix)                                                                                \
    HWY_EXPORT(load_##suffix);                                                                                        \
    HWY_EXPORT(store_##suffix);                                                                                       \
    HWY_EXPORT(add_row_sums_##suffix);                                                                                \
    HWY_EXPORT(shift_##suffix);                                                                                       \
    HWY_EXPORT(move_##suffix);                                                                                        \
    HWY_EXPORT(move_backward_##suffix);                                                                               \
    HWY_EXPORT(dot_differences_##suffix);                                                                             \
    template <>                                                                                                       \
    void load(const Matrix<Real>& matrix, TileCells cells, Tile<Real> tile) {                                         \
        HWY_DYNAMIC_DISPATCH(load_##suffix)                                                                           \
        (matrix.memptr(), tile.n_rows, cells.columns, cells.count, tile.row(0));                                      \
    }                                                                                                                 \
    template <>                                                                                                       \
    void store(const Tile<Real>& tile, TileCells cells, Matrix<Real>& matrix) {                                       \
        HWY_DYNAMIC_DISPATCH(store_##suffix)                                                                          \
        (tile.row(0), tile.n_rows, cells.columns, cells.count, matrix.memptr());                                      \
    }                                                                                                                 \
    template <>                                                                                                       \
    void add_row_sums(const Tile<Real>& tile, std::size_t count, Real* sums) {                                        \
        HWY_DYNAMIC_DISPATCH(add_row_sums_##suffix)(tile.row(0), tile.n_rows, count, sums);                           \
    }                                                                                                                 \
    template <>                                                                                                       \
    void shift(const Tile<Real>& y, std::size_t count, Real sign, const Real* by, Tile<Real> moved) {                 \
        HWY_DYNAMIC_DISPATCH(shift_##suffix)(y.row(0), y.n_rows, count, sign, by, moved.row(0));                      \
    }                                                                                                                 \
    template <>                                                                                                       \
    void move_towards(const Tile<Real>& target, const Tile<Real>& y, std::size_t count, const Real* rate,             \
                      Tile<Real> moved) {                                                                             \
        HWY_DYNAMIC_DISPATCH(move_##suffix)(target.row(0), y.row(0), y.n_rows, count, rate, moved.row(0));            \
    }                                                                                                                 \
    template <>                                                                                                       \
    void move_towards_backward(std::size_t count, const Real* rate, Tile<Real> y_bar, Tile<Real> target_bar) {        \
        HWY_DYNAMIC_DISPATCH(move_backward_##suffix)(y_bar.n_rows, count, rate, y_bar.row(0), target_bar.row(0));     \
    }                                                                                                                 \
    template <>                                                                                                       \
    void dot_differences(const Tile<Real>& bar, const Tile<Real>& after, const Tile<Real>& before, std::size_t count, \
                         Real* dot) {                                                                                 \
        HWY_DYNAMIC_DISPATCH(dot_differences_##suffix)                                                                \
        (bar.row(0), after.row(0), before.row(0), bar.n_rows, count, dot);                                            \
    }
BCBENCH_DISPATCH(float, float)
BCBENCH_DISPATCH(double, double)
#undef BCBENCH_DISPATCH

}  // namespace bcbench::differentiable_harmony
#endif  // HWY_ONCE
