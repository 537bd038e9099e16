#include "engine/methods/differentiable_harmony/tile.hpp"

#include <algorithm>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/methods/differentiable_harmony/tile.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"
#include "engine/methods/differentiable_harmony/transpose-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::differentiable_harmony::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t most_rows = HWY_CAP_GE512 ? 12 : 6;  // twice as many sums as registers can hold, and room
constexpr std::size_t block_vectors = 2;

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

template <class Real>
constexpr std::size_t block_cells = block_vectors* lanes<Real>;

static_assert(tile_width % block_cells<float> == 0);

/// A vector's first cell past `count`, rounded up to whole vectors.
template <class Real>
constexpr std::size_t whole_vectors(std::size_t count) {
    return (count + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
}

/// The same in whole blocks: all that a product of `count` cells reads.
template <class Real>
constexpr std::size_t whole_blocks(std::size_t count) {
    return (count + block_cells<Real> - 1) / block_cells<Real> * block_cells<Real>;
}

/// Calls body(first row, rows) for blocks of at most most_rows rows, as even as can be.
template <class Body>
HWY_INLINE void for_each_block(std::size_t n_rows, const Body& body) {
    const std::size_t n_blocks = (n_rows + most_rows - 1) / most_rows;
    for (std::size_t b = 0; b < n_blocks; ++b) {
        body(b * n_rows / n_blocks, (b + 1) * n_rows / n_blocks - b * n_rows / n_blocks);
    }
}

template <class Real>
HWY_INLINE void pack(const Real* matrix, std::size_t n_rows, std::size_t n_steps, Real* panels) {
    for_each_block(n_rows, [&](std::size_t first, std::size_t rows) HWY_ATTR {
        for (std::size_t s = 0; s < n_steps; ++s) {
            for (std::size_t r = 0; r < rows; ++r) *panels++ = matrix[s * n_rows + first + r];
        }
    });
}

/// Rows of start + a x for one block of cells; no start: 0.
template <std::size_t Rows, class Real>
HWY_INLINE void multiply_block(const Real* a, std::size_t n_steps, const Real* x, const Real* start, Real* product) {
    const hn::ScalableTag<Real> reals;
    hn::Vec<decltype(reals)> sum[Rows][block_vectors];
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < Rows; ++r) {
        const auto first = start != nullptr ? hn::Set(reals, start[r]) : hn::Zero(reals);
        for (std::size_t v = 0; v < block_vectors; ++v) sum[r][v] = first;
    }
    for (std::size_t s = 0; s < n_steps; ++s, a += Rows, x += tile_stride) {
        hn::Vec<decltype(reals)> step[block_vectors];
        for (std::size_t v = 0; v < block_vectors; ++v) step[v] = hn::Load(reals, x + v * lanes<Real>);
        HWY_UNROLL(12)
        for (std::size_t r = 0; r < Rows; ++r) {
            const auto factor = hn::Set(reals, a[r]);
            for (std::size_t v = 0; v < block_vectors; ++v) sum[r][v] = hn::MulAdd(factor, step[v], sum[r][v]);
        }
    }
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t v = 0; v < block_vectors; ++v) {
            hn::Store(sum[r][v], reals, product + r * tile_stride + v * lanes<Real>);
        }
    }
}

/// multiply_block for a number of rows known at run time.
template <std::size_t Rows, class Real>
HWY_INLINE void multiply_rows(std::size_t rows, const Real* a, std::size_t n_steps, const Real* x, const Real* start,
                              Real* product) {
    if (rows == Rows) {
        multiply_block<Rows>(a, n_steps, x, start, product);
    } else if constexpr (Rows > 1) {
        multiply_rows<Rows - 1>(rows, a, n_steps, x, start, product);
    }
}

/// start + a x for the block of cells that begins at x and product.
template <class Real>
HWY_INLINE void multiply_cells(const Panels<Real>& a, const Real* x, const Real* start, Real* product) {
    for_each_block(a.n_rows, [&](std::size_t first, std::size_t rows) HWY_ATTR {
        multiply_rows<most_rows>(rows, a.values.data() + first * a.n_steps, a.n_steps, x,
                                 start != nullptr ? start + first : nullptr, product + first * tile_stride);
    });
}

template <class Real>
HWY_INLINE void multiply(const Panels<Real>& a, const Real* x, std::size_t count, Real* product) {
    const Real* const no_start = nullptr;
    for (std::size_t i = 0; i < count; i += block_cells<Real>) multiply_cells(a, x + i, no_start, product + i);
}

/// Turns the logits of a block of cells into 2^(logit - highest); their highest cluster and 1 / sum go to top and
/// inverse.
template <class Real>
HWY_INLINE void exponentiate(std::size_t n_clusters, Real* logits, Real* top, Real* inverse) {
    const hn::ScalableTag<Real> reals;
    using Vector = hn::Vec<decltype(reals)>;
    Vector highest[block_vectors];
    Vector highest_cluster[block_vectors];
    Vector sum[block_vectors];
    for (std::size_t v = 0; v < block_vectors; ++v) {
        highest[v] = hn::Load(reals, logits + v * lanes<Real>);
        highest_cluster[v] = hn::Zero(reals);
        sum[v] = hn::Zero(reals);
    }
    auto cluster = hn::Zero(reals);
    for (std::size_t k = 1; k < n_clusters; ++k) {
        cluster = hn::Add(cluster, hn::Set(reals, Real(1)));
        for (std::size_t v = 0; v < block_vectors; ++v) {
            const auto logit = hn::Load(reals, logits + k * tile_stride + v * lanes<Real>);
            const auto higher = hn::Gt(logit, highest[v]);
            highest[v] = hn::IfThenElse(higher, logit, highest[v]);
            highest_cluster[v] = hn::IfThenElse(higher, cluster, highest_cluster[v]);
        }
    }
    for (std::size_t k = 0; k < n_clusters; ++k) {
        for (std::size_t v = 0; v < block_vectors; ++v) {
            Real* place = logits + k * tile_stride + v * lanes<Real>;
            const auto below = hn::Sub(hn::Load(reals, place), highest[v]);
            const auto term = bcbench::HWY_NAMESPACE::exp2_of_negative(reals, below);
            hn::Store(term, reals, place);
            sum[v] = hn::Add(sum[v], term);
        }
    }
    for (std::size_t v = 0; v < block_vectors; ++v) {
        hn::Store(highest_cluster[v], reals, top + v * lanes<Real>);
        hn::Store(hn::Div(hn::Set(reals, Real(1)), sum[v]), reals, inverse + v * lanes<Real>);
    }
}

template <class Real>
HWY_INLINE void assign(const Panels<Real>& a, const Real* offset, const Real* y, std::size_t count, Real* assigned,
                       std::uint32_t* top, double* mass) {
    const hn::ScalableTag<Real> reals;
    HWY_ALIGN Real top_cluster[tile_width];
    HWY_ALIGN Real inverse[tile_width];
    for (std::size_t i = 0; i < count; i += block_cells<Real>) {
        multiply_cells(a, y + i, offset, assigned + i);
        exponentiate(a.n_rows, assigned + i, top_cluster + i, inverse + i);
    }
    const std::size_t end = whole_vectors<Real>(count);
    for (std::size_t i = count; i < end; ++i) inverse[i] = 0;
    for (std::size_t k = 0; k < a.n_rows; ++k) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < end; i += lanes<Real>) {
            Real* place = assigned + k * tile_stride + i;
            const auto share = hn::Mul(hn::Load(reals, place), hn::Load(reals, inverse + i));
            hn::Store(share, reals, place);
            sum = hn::Add(sum, share);
        }
        if (mass != nullptr) mass[k] = static_cast<double>(hn::GetLane(hn::SumOfLanes(reals, sum)));
    }
    for (std::size_t i = 0; i < count; ++i) top[i] = static_cast<std::uint32_t>(top_cluster[i]);
}

template <class Real>
HWY_INLINE void softmax_backward(const Real* assigned, std::size_t n_clusters, std::size_t count, const Real* shift,
                                 Real* bar) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; i += lanes<Real>) {
        auto mean = hn::Zero(reals);
        for (std::size_t k = 0; k < n_clusters; ++k) {
            const std::size_t place = k * tile_stride + i;
            const auto shifted = hn::Add(hn::Load(reals, bar + place), hn::Set(reals, shift[k]));
            hn::Store(shifted, reals, bar + place);
            mean = hn::MulAdd(hn::Load(reals, assigned + place), shifted, mean);
        }
        for (std::size_t k = 0; k < n_clusters; ++k) {
            const std::size_t place = k * tile_stride + i;
            const auto centred = hn::Sub(hn::Load(reals, bar + place), mean);
            hn::Store(hn::Mul(hn::Load(reals, assigned + place), centred), reals, bar + place);
        }
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
                for (std::size_t c = 0; c < side; ++c) tile[f * tile_stride + i + c] = cell[c][f];
            }
            continue;
        }
        for_each_square<Real>(n_features, [&](std::size_t f) HWY_ATTR {
            const Real* from[side];
            Real* to[side];
            for (std::size_t c = 0; c < side; ++c) {
                from[c] = cell[c] + f;
                to[c] = tile + (f + c) * tile_stride + i;
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
                from[c] = tile + (f + c) * tile_stride + i;
                to[c] = matrix + n_features * columns[i + c] + f;
            }
            transpose_square(from, to);
        });
    }
    for (std::size_t i = whole; i < count; ++i) {
        for (std::size_t f = 0; f < n_features; ++f) matrix[n_features * columns[i] + f] = tile[f * tile_stride + i];
    }
}

template <class Real>
HWY_INLINE void move_towards(const Real* target, std::size_t n_rows, std::size_t count, const Real* rate, Real* y) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, target += tile_stride, y += tile_stride) {
        for (std::size_t i = 0; i < count; i += lanes<Real>) {
            const auto before = hn::Load(reals, y + i);
            const auto gap = hn::Sub(hn::Load(reals, target + i), before);
            hn::Store(hn::MulAdd(hn::LoadU(reals, rate + i), gap, before), reals, y + i);
        }
    }
}

template <class Real>
HWY_INLINE void move_towards_backward(std::size_t n_rows, std::size_t count, const Real* rate, Real* y_bar,
                                      Real* target_bar) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, target_bar += tile_stride, y_bar += tile_stride) {
        for (std::size_t i = 0; i < whole_blocks<Real>(count); i += lanes<Real>) {
            const auto bar = hn::Load(reals, y_bar + i);
            const auto part = hn::Mul(hn::LoadU(reals, rate + i), bar);
            hn::Store(part, reals, target_bar + i);
            hn::Store(hn::Sub(bar, part), reals, y_bar + i);
        }
    }
}

template <class Real>
HWY_INLINE void add_scaled(const Real* term, std::size_t n_rows, std::size_t count, Real factor, Real* x) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t f = 0; f < n_rows; ++f, term += tile_stride, x += tile_stride) {
        for (std::size_t i = 0; i < count; i += lanes<Real>) {
            const auto sum = hn::MulAdd(hn::Set(reals, factor), hn::Load(reals, term + i), hn::Load(reals, x + i));
            hn::Store(sum, reals, x + i);
        }
    }
}

template <class Real>
HWY_INLINE double dot_difference(const Real* bar, const Real* after, const Real* before, std::size_t n) {
    const hn::ScalableTag<Real> reals;
    auto sum = hn::Zero(reals);
    std::size_t i = 0;
    for (; i + lanes<Real> <= n; i += lanes<Real>) {
        const auto moved = hn::Sub(hn::LoadU(reals, after + i), hn::LoadU(reals, before + i));
        sum = hn::MulAdd(hn::LoadU(reals, bar + i), moved, sum);
    }
    auto total = static_cast<double>(hn::GetLane(hn::SumOfLanes(reals, sum)));
    for (; i < n; ++i) total += static_cast<double>(bar[i]) * static_cast<double>(after[i] - before[i]);
    return total;
}

/// One entry per function for the dispatch, which knows no templates.
#define BCBENCH_TILE_FUNCTIONS(Real, suffix)                                                                       \
    void pack_##suffix(const Real* m, std::size_t r, std::size_t s, Real* p) { pack(m, r, s, p); }                 \
    void multiply_##suffix(const Panels<Real>& a, const Real* x, std::size_t n, Real* p) { multiply(a, x, n, p); } \
    void load_##suffix(const Real* m, std::size_t f, const std::uint32_t* c, std::size_t n, Real* t) {             \
        load(m, f, c, n, t);                                                                                       \
    }                                                                                                              \
    void store_##suffix(const Real* t, std::size_t f, const std::uint32_t* c, std::size_t n, Real* m) {            \
        store(t, f, c, n, m);                                                                                      \
    }                                                                                                              \
    void assign_##suffix(const Panels<Real>& a, const Real* o, const Real* y, std::size_t n, Real* s,              \
                         std::uint32_t* t, double* m) {                                                            \
        assign(a, o, y, n, s, t, m);                                                                               \
    }                                                                                                              \
    void softmax_backward_##suffix(const Real* a, std::size_t k, std::size_t n, const Real* s, Real* b) {          \
        softmax_backward(a, k, n, s, b);                                                                           \
    }                                                                                                              \
    void move_##suffix(const Real* t, std::size_t r, std::size_t n, const Real* rate, Real* y) {                   \
        move_towards(t, r, n, rate, y);                                                                            \
    }                                                                                                              \
    void move_backward_##suffix(std::size_t r, std::size_t n, const Real* rate, Real* y, Real* t) {                \
        move_towards_backward(r, n, rate, y, t);                                                                   \
    }                                                                                                              \
    void add_scaled_##suffix(const Real* t, std::size_t r, std::size_t n, Real f, Real* x) {                       \
        add_scaled(t, r, n, f, x);                                                                                 \
    }                                                                                                              \
    double dot_difference_##suffix(const Real* b, const Real* y, const Real* x, std::size_t n) {                   \
        return dot_difference(b, y, x, n);                                                                         \
    }
BCBENCH_TILE_FUNCTIONS(float, float)
BCBENCH_TILE_FUNCTIONS(double, double)
#undef BCBENCH_TILE_FUNCTIONS

}  // namespace bcbench::differentiable_harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::differentiable_harmony {

template <class Real>
Tile<Real>::Tile(std::size_t rows) : n_rows(rows), values(hwy::AllocateAligned<Real>(rows * tile_stride)) {}

#define BCBENCH_DISPATCH(Real, suffix)                                                                            \
    HWY_EXPORT(pack_##suffix);                                                                                    \
    HWY_EXPORT(multiply_##suffix);                                                                                \
    HWY_EXPORT(load_##suffix);                                                                                    \
    HWY_EXPORT(store_##suffix);                                                                                   \
    HWY_EXPORT(assign_##suffix);                                                                                  \
    HWY_EXPORT(softmax_backward_##suffix);                                                                        \
    HWY_EXPORT(move_##suffix);                                                                                    \
    HWY_EXPORT(move_backward_##suffix);                                                                           \
    HWY_EXPORT(add_scaled_##suffix);                                                                              \
    HWY_EXPORT(dot_difference_##suffix);                                                                          \
    template <>                                                                                                   \
    Panels<Real> pack(const Matrix<Real>& matrix) {                                                               \
        Panels<Real> panels{matrix.n_rows, matrix.n_cols, std::vector<Real>(matrix.n_elem)};                      \
        HWY_DYNAMIC_DISPATCH(pack_##suffix)(matrix.memptr(), matrix.n_rows, matrix.n_cols, panels.values.data()); \
        return panels;                                                                                            \
    }                                                                                                             \
    template <>                                                                                                   \
    void multiply(const Panels<Real>& a, const Tile<Real>& x, std::size_t count, Tile<Real>& product) {           \
        HWY_DYNAMIC_DISPATCH(multiply_##suffix)(a, x.row(0), count, product.row(0));                              \
    }                                                                                                             \
    template <>                                                                                                   \
    void load(const Matrix<Real>& matrix, TileCells cells, Tile<Real>& tile) {                                    \
        HWY_DYNAMIC_DISPATCH(load_##suffix)                                                                       \
        (matrix.memptr(), tile.n_rows, cells.columns, cells.count, tile.row(0));                                  \
    }                                                                                                             \
    template <>                                                                                                   \
    void store(const Tile<Real>& tile, TileCells cells, Matrix<Real>& matrix) {                                   \
        HWY_DYNAMIC_DISPATCH(store_##suffix)                                                                      \
        (tile.row(0), tile.n_rows, cells.columns, cells.count, matrix.memptr());                                  \
    }                                                                                                             \
    template <>                                                                                                   \
    void assign(const Panels<Real>& a, const Real* offset, const Tile<Real>& y, std::size_t count,                \
                Tile<Real>& assigned, std::uint32_t* top, double* mass) {                                         \
        HWY_DYNAMIC_DISPATCH(assign_##suffix)(a, offset, y.row(0), count, assigned.row(0), top, mass);            \
    }                                                                                                             \
    template <>                                                                                                   \
    void softmax_backward(const Tile<Real>& assigned, std::size_t count, const Real* shift, Tile<Real>& bar) {    \
        HWY_DYNAMIC_DISPATCH(softmax_backward_##suffix)                                                           \
        (assigned.row(0), bar.n_rows, count, shift, bar.row(0));                                                  \
    }                                                                                                             \
    template <>                                                                                                   \
    void move_towards(const Tile<Real>& target, std::size_t count, const Real* rate, Tile<Real>& y) {             \
        HWY_DYNAMIC_DISPATCH(move_##suffix)(target.row(0), y.n_rows, count, rate, y.row(0));                      \
    }                                                                                                             \
    template <>                                                                                                   \
    void move_towards_backward(std::size_t count, const Real* rate, Tile<Real>& y_bar, Tile<Real>& target_bar) {  \
        HWY_DYNAMIC_DISPATCH(move_backward_##suffix)(y_bar.n_rows, count, rate, y_bar.row(0), target_bar.row(0)); \
    }                                                                                                             \
    template <>                                                                                                   \
    void add_scaled(const Tile<Real>& term, std::size_t count, Real factor, Tile<Real>& x) {                      \
        HWY_DYNAMIC_DISPATCH(add_scaled_##suffix)(term.row(0), x.n_rows, count, factor, x.row(0));                \
    }                                                                                                             \
    template <>                                                                                                   \
    double dot_difference(const Real* bar, const Real* after, const Real* before, std::size_t n) {                \
        return HWY_DYNAMIC_DISPATCH(dot_difference_##suffix)(bar, after, before, n);                              \
    }                                                                                                             \
    template struct Tile<Real>
BCBENCH_DISPATCH(float, float);
BCBENCH_DISPATCH(double, double);
#undef BCBENCH_DISPATCH

}  // namespace bcbench::differentiable_harmony
#endif  // HWY_ONCE
