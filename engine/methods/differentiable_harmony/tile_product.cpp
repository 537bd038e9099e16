#include "engine/methods/differentiable_harmony/tile_product.hpp"

#include <algorithm>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/methods/differentiable_harmony/tile_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"
#include "engine/methods/differentiable_harmony/tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::differentiable_harmony::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t most_rows = HWY_CAP_GE512 ? 12 : 6;  // twice as many sums as registers can hold, and room

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

/// Where a product begins: at start[row], and with `add` at what stands there already.
template <class Real>
struct Beginning {
    const Real* start = nullptr;
    bool add = false;
};

/// Rows of a x for one block of cells.
template <std::size_t Rows, class Real>
HWY_INLINE void multiply_block(const Real* a, std::size_t n_steps, const Real* x, Beginning<Real> beginning,
                               Real* product) {
    const hn::ScalableTag<Real> reals;
    hn::Vec<decltype(reals)> sum[Rows][block_vectors];
    HWY_UNROLL(12)
    for (std::size_t r = 0; r < Rows; ++r) {
        const auto first = beginning.start != nullptr ? hn::Set(reals, beginning.start[r]) : hn::Zero(reals);
        for (std::size_t v = 0; v < block_vectors; ++v) sum[r][v] = first;
    }
    for (std::size_t s = 0; s < n_steps; ++s, a += Rows, x += tile_width) {
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
            Real* place = product + r * tile_width + v * lanes<Real>;
            if (beginning.add) sum[r][v] = hn::Add(hn::Load(reals, place), sum[r][v]);
            hn::Store(sum[r][v], reals, place);
        }
    }
}

/// multiply_block for a number of rows known at run time.
template <std::size_t Rows, class Real>
HWY_INLINE void multiply_rows(std::size_t rows, const Real* a, std::size_t n_steps, const Real* x,
                              Beginning<Real> beginning, Real* product) {
    if (rows == Rows) {
        multiply_block<Rows>(a, n_steps, x, beginning, product);
    } else if constexpr (Rows > 1) {
        multiply_rows<Rows - 1>(rows, a, n_steps, x, beginning, product);
    }
}

/// a x for the block of cells that begins at x and product.
template <class Real>
HWY_INLINE void multiply_cells(const Panels<Real>& a, const Real* x, Beginning<Real> beginning, Real* product,
                               Ahead& ahead) {
    for_each_block(a.n_rows, [&](std::size_t first, std::size_t rows) HWY_ATTR {
        ahead.go_on();
        Beginning<Real> here = beginning;
        if (here.start != nullptr) here.start += first;
        multiply_rows<most_rows>(rows, a.values.data() + first * a.n_steps, a.n_steps, x, here,
                                 product + first * tile_width);
    });
}

template <class Real>
HWY_INLINE void multiply(const Panels<Real>& a, const Real* x, std::size_t count, bool add, Real* product,
                         Ahead& ahead) {
    for (std::size_t i = 0; i < count; i += block_cells<Real>) {
        multiply_cells(a, x + i, Beginning<Real>{nullptr, add}, product + i, ahead);
    }
}

/// The highest logits of a block of cells, of even and of odd clusters first, for a maximum waits for the one before
/// it.
template <class Real, class Vector>
HWY_INLINE void find_highest(std::size_t n_clusters, const Real* logits, Vector* highest) {
    const hn::ScalableTag<Real> reals;
    Vector odd[block_vectors];
    for (std::size_t v = 0; v < block_vectors; ++v) highest[v] = odd[v] = hn::Load(reals, logits + v * lanes<Real>);
    for (std::size_t k = 1; k < n_clusters; k += 2) {
        const Real* row = logits + k * tile_width;
        const Real* next = k + 1 < n_clusters ? row + tile_width : row;
        for (std::size_t v = 0; v < block_vectors; ++v) {
            odd[v] = hn::Max(odd[v], hn::Load(reals, row + v * lanes<Real>));
            highest[v] = hn::Max(highest[v], hn::Load(reals, next + v * lanes<Real>));
        }
    }
    for (std::size_t v = 0; v < block_vectors; ++v) highest[v] = hn::Max(highest[v], odd[v]);
}

/// The same with the cluster that each stands in, the first on ties.
template <class Real, class Vector>
HWY_INLINE void find_highest(std::size_t n_clusters, const Real* logits, Vector* highest, Vector* cluster) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t v = 0; v < block_vectors; ++v) {
        highest[v] = hn::Load(reals, logits + v * lanes<Real>);
        cluster[v] = hn::Zero(reals);
    }
    auto here = hn::Zero(reals);
    for (std::size_t k = 1; k < n_clusters; ++k) {
        here = hn::Add(here, hn::Set(reals, Real(1)));
        for (std::size_t v = 0; v < block_vectors; ++v) {
            const auto logit = hn::Load(reals, logits + k * tile_width + v * lanes<Real>);
            cluster[v] = hn::IfThenElse(hn::Gt(logit, highest[v]), here, cluster[v]);
            highest[v] = hn::Max(highest[v], logit);
        }
    }
}

/// Turns the logits of a block of cells into 2^(logit - highest); 1 / sum goes to `inverse`, and their highest cluster
/// to `top` unless that is nullptr.
template <class Real>
HWY_INLINE void exponentiate(std::size_t n_clusters, Real* logits, Real* top, Real* inverse) {
    const hn::ScalableTag<Real> reals;
    using Vector = hn::Vec<decltype(reals)>;
    Vector highest[block_vectors];
    Vector sum[block_vectors];
    if (top != nullptr) {
        Vector cluster[block_vectors];
        find_highest(n_clusters, logits, highest, cluster);
        for (std::size_t v = 0; v < block_vectors; ++v) hn::Store(cluster[v], reals, top + v * lanes<Real>);
    } else {
        find_highest(n_clusters, logits, highest);
    }
    for (auto& of_cells : sum) of_cells = hn::Zero(reals);
    for (std::size_t k = 0; k < n_clusters; ++k) {
        for (std::size_t v = 0; v < block_vectors; ++v) {
            Real* place = logits + k * tile_width + v * lanes<Real>;
            const auto below = hn::Sub(hn::Load(reals, place), highest[v]);
            const auto term = bcbench::HWY_NAMESPACE::exp2_of_negative(reals, below);
            hn::Store(term, reals, place);
            sum[v] = hn::Add(sum[v], term);
        }
    }
    for (std::size_t v = 0; v < block_vectors; ++v) {
        hn::Store(hn::Div(hn::Set(reals, Real(1)), sum[v]), reals, inverse + v * lanes<Real>);
    }
}

template <class Real>
HWY_INLINE void assign(const Panels<Real>& a, const Real* offset, const Real* y, std::size_t count, Real* assigned,
                       std::uint32_t* top, double* mass, Ahead& ahead) {
    const hn::ScalableTag<Real> reals;
    HWY_ALIGN Real top_cluster[tile_width];
    HWY_ALIGN Real inverse[tile_width];
    for (std::size_t i = 0; i < count; i += block_cells<Real>) {
        multiply_cells(a, y + i, Beginning<Real>{offset}, assigned + i, ahead);
        exponentiate(a.n_rows, assigned + i, top != nullptr ? top_cluster + i : nullptr, inverse + i);
    }
    const std::size_t end = whole_vectors<Real>(count);
    for (std::size_t i = count; i < end; ++i) inverse[i] = 0;
    for (std::size_t k = 0; k < a.n_rows; ++k) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < end; i += lanes<Real>) {
            Real* place = assigned + k * tile_width + i;
            const auto share = hn::Mul(hn::Load(reals, place), hn::Load(reals, inverse + i));
            hn::Store(share, reals, place);
            sum = hn::Add(sum, share);
        }
        if (mass != nullptr) mass[k] = static_cast<double>(hn::GetLane(hn::SumOfLanes(reals, sum)));
    }
    for (std::size_t i = 0; top != nullptr && i < count; ++i) top[i] = static_cast<std::uint32_t>(top_cluster[i]);
}

template <class Real>
HWY_INLINE void assign_backward(const Panels<Real>& a, const Real* shift, const Real* x, const Real* assigned,
                                std::size_t count, Real* bar, Ahead& ahead) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; i += block_cells<Real>) {
        multiply_cells(a, x + i, Beginning<Real>{shift}, bar + i, ahead);
        hn::Vec<decltype(reals)> mean[block_vectors];
        for (auto& of_cells : mean) of_cells = hn::Zero(reals);
        for (std::size_t k = 0; k < a.n_rows; ++k) {
            for (std::size_t v = 0; v < block_vectors; ++v) {
                const std::size_t place = k * tile_width + i + v * lanes<Real>;
                mean[v] = hn::MulAdd(hn::Load(reals, assigned + place), hn::Load(reals, bar + place), mean[v]);
            }
        }
        for (std::size_t k = 0; k < a.n_rows; ++k) {
            for (std::size_t v = 0; v < block_vectors; ++v) {
                const std::size_t place = k * tile_width + i + v * lanes<Real>;
                const auto centred = hn::Sub(hn::Load(reals, bar + place), mean[v]);
                hn::Store(hn::Mul(hn::Load(reals, assigned + place), centred), reals, bar + place);
            }
        }
    }
}

/// One entry per function for the dispatch, which knows no templates.
#define BCBENCH_TILE_FUNCTIONS(Real, suffix)                                                                         \
    void pack_##suffix(const Real* m, std::size_t r, std::size_t s, Real* p) { pack(m, r, s, p); }                   \
    void multiply_##suffix(const Panels<Real>& a, const Real* x, std::size_t n, bool add, Real* p, Ahead& w) {       \
        multiply(a, x, n, add, p, w);                                                                                \
    }                                                                                                                \
    void assign_##suffix(const Panels<Real>& a, const Real* o, const Real* y, std::size_t n, Real* s,                \
                         std::uint32_t* t, double* m, Ahead& w) {                                                    \
        assign(a, o, y, n, s, t, m, w);                                                                              \
    }                                                                                                                \
    void assign_backward_##suffix(const Panels<Real>& a, const Real* s, const Real* x, const Real* p, std::size_t n, \
                                  Real* b, Ahead& w) {                                                               \
        assign_backward(a, s, x, p, n, b, w);                                                                        \
    }
BCBENCH_TILE_FUNCTIONS(float, float)
BCBENCH_TILE_FUNCTIONS(double, double)
#undef BCBENCH_TILE_FUNCTIONS

}  // namespace bcbench::differentiable_harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::differentiable_harmony {

#define BCBENCH_DISPATCH(Real, suffix)                                                                              \
    HWY_EXPORT(pack_##suffix);                                                                                      \
    HWY_EXPORT(multiply_##suffix);                                                                                  \
    HWY_EXPORT(assign_##suffix);                                                                                    \
    HWY_EXPORT(assign_backward_##suffix);                                                                           \
    template <>                                                                                                     \
    Panels<Real> pack(const Matrix<Real>& matrix) {                                                                 \
        Panels<Real> panels{matrix.n_rows, matrix.n_cols, std::vector<Real>(matrix.n_elem)};                        \
        HWY_DYNAMIC_DISPATCH(pack_##suffix)(matrix.memptr(), matrix.n_rows, matrix.n_cols, panels.values.data());   \
        return panels;                                                                                              \
    }                                                                                                               \
    template <>                                                                                                     \
    void multiply(const Panels<Real>& a, const Tile<Real>& x, std::size_t count, bool add, Tile<Real> product,      \
                  Ahead& ahead) {                                                                                   \
        HWY_DYNAMIC_DISPATCH(multiply_##suffix)(a, x.row(0), count, add, product.row(0), ahead);                    \
    }                                                                                                               \
    template <>                                                                                                     \
    void assign(const Panels<Real>& a, const Real* offset, const Tile<Real>& y, std::size_t count,                  \
                Tile<Real> assigned, std::uint32_t* top, double* mass, Ahead& ahead) {                              \
        HWY_DYNAMIC_DISPATCH(assign_##suffix)(a, offset, y.row(0), count, assigned.row(0), top, mass, ahead);       \
    }                                                                                                               \
    template <>                                                                                                     \
    void assign_backward(const Panels<Real>& a, const Real* shift, const Tile<Real>& x, const Tile<Real>& assigned, \
                         std::size_t count, Tile<Real> bar, Ahead& ahead) {                                         \
        HWY_DYNAMIC_DISPATCH(assign_backward_##suffix)                                                              \
        (a, shift, x.row(0), assigned.row(0), count, bar.row(0), ahead);                                            \
    }
BCBENCH_DISPATCH(float, float)
BCBENCH_DISPATCH(double, double)
#undef BCBENCH_DISPATCH

}  // namespace bcbench::differentiable_harmony
#endif  // HWY_ONCE
