#include "engine/methods/harmony_tile.hpp"

#include <algorithm>
#include <limits>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/methods/harmony_tile.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/vector_exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::differentiable_harmony::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t most_rows = HWY_CAP_GE512 ? 12 : 6;  // twice as many sums as registers can hold, and room
constexpr std::size_t block_vectors = 2;

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

static_assert(tile_width % (block_vectors * lanes<float>) == 0);

/// A vector's first cell past `count`, rounded up to whole vectors.
template <class Real>
constexpr std::size_t whole_vectors(std::size_t count) {
    return (count + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
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

template <std::size_t Rows, class Real>
HWY_INLINE void multiply_block(const Real* a, std::size_t n_steps, const Real* x, Real* product) {
    const hn::ScalableTag<Real> reals;
    hn::Vec<decltype(reals)> sum[Rows][block_vectors];
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t v = 0; v < block_vectors; ++v) sum[r][v] = hn::Zero(reals);
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
HWY_INLINE void multiply_rows(std::size_t rows, const Real* a, std::size_t n_steps, const Real* x, Real* product) {
    if (rows == Rows) {
        multiply_block<Rows>(a, n_steps, x, product);
    } else if constexpr (Rows > 1) {
        multiply_rows<Rows - 1>(rows, a, n_steps, x, product);
    }
}

template <class Real>
HWY_INLINE void multiply(const Panels<Real>& a, const Real* x, std::size_t count, Real* product) {
    for (std::size_t i = 0; i < count; i += block_vectors * lanes<Real>) {
        for_each_block(a.n_rows, [&](std::size_t first, std::size_t rows) HWY_ATTR {
            multiply_rows<most_rows>(rows, a.values.data() + first * a.n_steps, a.n_steps, x + i,
                                     product + first * tile_stride + i);
        });
    }
}

/// The highest logit of each cell and its cluster; the logits get factor and offset on the way.
template <class Real>
HWY_INLINE void find_top(std::size_t n_clusters, std::size_t count, Real factor, const Real* offset, Real* logits,
                         Real* highest, Real* top) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; i += lanes<Real>) {
        auto best = hn::Set(reals, -std::numeric_limits<Real>::infinity());
        auto best_cluster = hn::Zero(reals);
        for (std::size_t k = 0; k < n_clusters; ++k) {
            Real* place = logits + k * tile_stride + i;
            const auto logit = hn::MulAdd(hn::Set(reals, factor), hn::Load(reals, place), hn::Set(reals, offset[k]));
            hn::Store(logit, reals, place);
            const auto higher = hn::Gt(logit, best);
            best = hn::IfThenElse(higher, logit, best);
            best_cluster = hn::IfThenElse(higher, hn::Set(reals, static_cast<Real>(k)), best_cluster);
        }
        hn::Store(best, reals, highest + i);
        hn::Store(best_cluster, reals, top + i);
    }
}

template <class Real>
HWY_INLINE void softmax(Real* logits, std::size_t n_clusters, std::size_t count, Real factor, const Real* offset,
                        std::uint32_t* top, double* mass) {
    const hn::ScalableTag<Real> reals;
    HWY_ALIGN Real highest[tile_width];
    HWY_ALIGN Real top_cluster[tile_width] = {};
    HWY_ALIGN Real inverse[tile_width];
    const std::size_t end = whole_vectors<Real>(count);
    find_top(n_clusters, end, factor, offset, logits, highest, top_cluster);
    for (std::size_t i = 0; i < end; i += lanes<Real>) {
        const auto shift = hn::Load(reals, highest + i);
        auto sum = hn::Zero(reals);
        for (std::size_t k = 0; k < n_clusters; ++k) {
            Real* place = logits + k * tile_stride + i;
            const auto term = bcbench::HWY_NAMESPACE::exp_of_negative(reals, hn::Sub(hn::Load(reals, place), shift));
            hn::Store(term, reals, place);
            sum = hn::Add(sum, term);
        }
        hn::Store(hn::Div(hn::Set(reals, Real(1)), sum), reals, inverse + i);
    }
    for (std::size_t i = count; i < end; ++i) inverse[i] = 0;
    for (std::size_t k = 0; k < n_clusters; ++k) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < end; i += lanes<Real>) {
            Real* place = logits + k * tile_stride + i;
            const auto assigned = hn::Mul(hn::Load(reals, place), hn::Load(reals, inverse + i));
            hn::Store(assigned, reals, place);
            sum = hn::Add(sum, assigned);
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
        for (std::size_t i = 0; i < count; i += lanes<Real>) {
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
#define BCBENCH_TILE_FUNCTIONS(Real, suffix)                                                                     \
    void pack_##suffix(const Real* m, std::size_t r, std::size_t s, Real* p) { pack(m, r, s, p); }               \
    void multiply_##suffix(const Panels<Real>& a, const Real* x, std::size_t n, Real* p) { multiply(a, x, n, p); } \
    void softmax_##suffix(Real* l, std::size_t k, std::size_t n, Real f, const Real* o, std::uint32_t* t,         \
                          double* m) {                                                                           \
        softmax(l, k, n, f, o, t, m);                                                                            \
    }                                                                                                            \
    void softmax_backward_##suffix(const Real* a, std::size_t k, std::size_t n, const Real* s, Real* b) {        \
        softmax_backward(a, k, n, s, b);                                                                         \
    }                                                                                                            \
    void move_##suffix(const Real* t, std::size_t r, std::size_t n, const Real* rate, Real* y) {                 \
        move_towards(t, r, n, rate, y);                                                                          \
    }                                                                                                            \
    void move_backward_##suffix(std::size_t r, std::size_t n, const Real* rate, Real* y, Real* t) {              \
        move_towards_backward(r, n, rate, y, t);                                                                 \
    }                                                                                                            \
    void add_scaled_##suffix(const Real* t, std::size_t r, std::size_t n, Real f, Real* x) {                     \
        add_scaled(t, r, n, f, x);                                                                               \
    }                                                                                                            \
    double dot_difference_##suffix(const Real* b, const Real* y, const Real* x, std::size_t n) {                 \
        return dot_difference(b, y, x, n);                                                                       \
    }
BCBENCH_TILE_FUNCTIONS(float, float)
BCBENCH_TILE_FUNCTIONS(double, double)
#undef BCBENCH_TILE_FUNCTIONS

}  // namespace bcbench::differentiable_harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::differentiable_harmony {

template <class Real>
Tile<Real>::Tile(std::size_t rows) : n_rows(rows), values(hwy::AllocateAligned<Real>(rows * tile_stride)) {
    std::fill_n(values.get(), rows * tile_stride, Real(0));
}

template <class Real>
void load(const Matrix<Real>& matrix, TileCells cells, Tile<Real>& tile) {
    constexpr std::size_t group = 16;  // cells whose rows stay in the nearest cache
    const std::size_t padded = std::min(tile_width, (cells.count + group - 1) / group * group);
    for (std::size_t first = 0; first < padded; first += group) {
        const Real* column[group];
        for (std::size_t i = 0; i < group; ++i) {
            column[i] = matrix.colptr(cells.columns[std::min(first + i, cells.count - 1)]);
        }
        for (std::size_t f = 0; f < tile.n_rows; ++f) {
            Real* row = tile.row(f) + first;
            for (std::size_t i = 0; i < group; ++i) row[i] = column[i][f];
        }
    }
}

template <class Real>
void store(const Tile<Real>& tile, TileCells cells, Matrix<Real>& matrix) {
    for (std::size_t i = 0; i < cells.count; ++i) {
        Real* column = matrix.colptr(cells.columns[i]);
        const Real* value = tile.row(0) + i;
        for (std::size_t f = 0; f < tile.n_rows; ++f) column[f] = value[f * tile_stride];
    }
}

#define BCBENCH_DISPATCH(Real, suffix)                                                                            \
    HWY_EXPORT(pack_##suffix);                                                                                    \
    HWY_EXPORT(multiply_##suffix);                                                                                \
    HWY_EXPORT(softmax_##suffix);                                                                                 \
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
    void softmax(Tile<Real>& logits, std::size_t count, Real factor, const Real* offset, std::uint32_t* top,      \
                 double* mass) {                                                                                  \
        HWY_DYNAMIC_DISPATCH(softmax_##suffix)                                                                    \
        (logits.row(0), logits.n_rows, count, factor, offset, top, mass);                                         \
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
    template struct Tile<Real>;                                                                                   \
    template void load(const Matrix<Real>&, TileCells, Tile<Real>&);                                              \
    template void store(const Tile<Real>&, TileCells, Matrix<Real>&)
BCBENCH_DISPATCH(float, float);
BCBENCH_DISPATCH(double, double);
#undef BCBENCH_DISPATCH

}  // namespace bcbench::differentiable_harmony
#endif  // HWY_ONCE
