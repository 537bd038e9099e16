#include "engine/linear/packed_product.hpp"

#include <algorithm>
#include <cstring>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/linear/packed_product.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/transpose-inl.hpp"

#ifndef BCBENCH_PACKED_PRODUCT_ONCE
#define BCBENCH_PACKED_PRODUCT_ONCE
namespace bcbench {

inline constexpr std::size_t block_steps = 256;  // of x that are read again for every block of rows: in the first cache

/// x as the product reads it: entry (step, column) stands at step * step_stride + column * column_stride.
template <class Real>
struct RightOperand {
    const Real* values = nullptr;
    std::size_t step_stride = 1;
    std::size_t column_stride = 1;
    std::size_t n_columns = 0;
};

/// y [R x n] and what becomes of a sum before it is written there: + y, + bias, max(., 0), 0 where `active` is not
/// positive.
template <class Real>
struct Product {
    Real* values = nullptr;
    bool add = false;
    const Real* bias = nullptr;
    bool rectify = false;
    const Real* active = nullptr;  // [R x n]
};

}  // namespace bcbench
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t most_vectors = 2;                       // of rows in a block
constexpr std::size_t most_columns = HWY_CAP_GE512 ? 12 : 6;  // 24 or 12 sums: all but a few of the registers
constexpr std::size_t columns_apart = 3;                      // columns that one address reaches
constexpr std::size_t packed_ahead = 8;                       // steps whose memory is asked for before their turn:
constexpr std::size_t columns_ahead = 16;                     // of the left operand, and of steps brought together

/// Blocks are of 12, 8, 4, 2 or 1 columns, or of 6, 4, 2 or 1: each is compiled by itself.
constexpr std::size_t fewer_columns(std::size_t columns) { return columns > 8 ? 8 : columns > 4 ? 4 : columns / 2; }

/// The columns of the next block where `n_left` are left, at least 1.
constexpr std::size_t columns_of_block(std::size_t n_left) {
    std::size_t columns = most_columns;
    while (columns > n_left) columns = fewer_columns(columns);
    return columns;
}

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

/// Calls body(first row, vectors) for blocks of rows that cover all of them.
template <class Real, class Body>
HWY_INLINE void for_each_rows(std::size_t n_rows, const Body& body) {
    for (std::size_t first = 0; first < n_rows;) {
        const std::size_t vectors = n_rows - first > lanes<Real> ? most_vectors : 1;
        body(first, vectors);
        first += vectors * lanes<Real>;
    }
}

/// Calls body(first, end) for parts of at most `most` of n, as even as can be.
template <class Body>
HWY_INLINE void for_each_part(std::size_t n, std::size_t most, const Body& body) {
    const std::size_t parts = (n + most - 1) / most;
    for (std::size_t p = 0; p < parts; ++p) body(p * n / parts, (p + 1) * n / parts);
}

template <class Real>
std::size_t packed_size(std::size_t n_rows, std::size_t n_steps) {
    return (n_rows + lanes<Real> - 1) / lanes<Real> * lanes<Real> * n_steps;
}

/// The first `count` lanes of a vector, which may be all; beyond them memory is neither read nor written.
template <class D, class Real>
HWY_INLINE hn::Vec<D> load_some(D d, const Real* from, std::size_t count) {
    if (count >= lanes<Real>) return hn::LoadU(d, from);
#if HWY_TARGET <= HWY_AVX2
    return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
    HWY_ALIGN Real buffer[lanes<Real>] = {};
    std::copy_n(from, count, buffer);
    return hn::Load(d, buffer);
#endif
}

template <class D, class V, class Real>
HWY_INLINE void store_some(D d, V values, std::size_t count, Real* to) {
    if (count >= lanes<Real>) {
        hn::StoreU(values, d, to);
        return;
    }
#if HWY_TARGET <= HWY_AVX2
    hn::BlendedStore(values, hn::FirstN(d, count), d, to);
#else
    HWY_ALIGN Real buffer[lanes<Real>];
    hn::Store(values, d, buffer);
    std::copy_n(buffer, count, to);
#endif
}

/// The rows of one block where rows are neighbours in memory.
template <class Real>
HWY_INLINE void pack_neighbouring_rows(const Real* a, std::size_t rows, std::size_t vectors, std::size_t n_steps,
                                       std::size_t step_stride, Real* packed) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t s = 0; s < n_steps; ++s, a += step_stride) {
        for (std::size_t v = 0; v < vectors; ++v, packed += lanes<Real>) {
            hn::Store(load_some(reals, a + v * lanes<Real>, rows - v * lanes<Real>), reals, packed);
        }
    }
}

/// The rows of one block where steps are.
template <class Real>
HWY_INLINE void pack_neighbouring_steps(const Real* a, std::size_t rows, std::size_t width, std::size_t n_steps,
                                        std::size_t row_stride, Real* packed) {
    constexpr std::size_t side = square<Real>;
    const std::size_t in_squares = n_steps < side ? 0 : rows / side * side;
    for (std::size_t r = 0; r < in_squares; r += side) {
        for_each_square<Real>(n_steps, [&](std::size_t s) HWY_ATTR {
            const Real* from[side];
            Real* to[side];
            for (std::size_t i = 0; i < side; ++i) {
                from[i] = a + (r + i) * row_stride + s;
                to[i] = packed + (s + i) * width + r;
            }
            transpose_square(from, to);
        });
    }
    for (std::size_t s = 0; s < n_steps; ++s) {
        for (std::size_t r = in_squares; r < rows; ++r) packed[s * width + r] = a[r * row_stride + s];
        std::fill(packed + s * width + rows, packed + (s + 1) * width, Real(0));
    }
}

/// Entry (row, step) of the operand stands at row * row_stride + step * step_stride; one of the strides is 1.
template <class Real>
HWY_INLINE void pack(const Real* a, std::size_t n_rows, std::size_t n_steps, std::size_t row_stride,
                     std::size_t step_stride, Real* packed) {
    for_each_rows<Real>(n_rows, [&](std::size_t first, std::size_t vectors) HWY_ATTR {
        const std::size_t width = vectors * lanes<Real>;
        const std::size_t rows = std::min(width, n_rows - first);
        const Real* from = a + first * row_stride;
        if (row_stride == 1) {
            pack_neighbouring_rows(from, rows, vectors, n_steps, step_stride, packed);
        } else {
            pack_neighbouring_steps(from, rows, width, n_steps, row_stride, packed);
        }
        packed += width * n_steps;
    });
}

/// One block of sums: `Vectors` of rows from `row` on, `Columns` columns from x and `column` on.
template <std::size_t Vectors, std::size_t Columns, class Real>
HWY_INLINE void multiply_block(const Real* a, std::size_t n_steps, const Real* x, std::size_t step_stride,
                               std::size_t column_stride, std::size_t n_rows, std::size_t row, std::size_t column,
                               const Product<Real>& y) {
    const hn::ScalableTag<Real> reals;
    hn::Vec<decltype(reals)> sum[Columns][Vectors];
    HWY_UNROLL(12)
    for (std::size_t j = 0; j < Columns; ++j) {
        for (std::size_t v = 0; v < Vectors; ++v) sum[j][v] = hn::Zero(reals);
    }
    constexpr std::size_t n_places = (Columns + columns_apart - 1) / columns_apart;
    const Real* place[n_places];
    for (std::size_t p = 0; p < n_places; ++p) place[p] = x + p * columns_apart * column_stride;
    for (std::size_t s = 0; s < n_steps; ++s, a += Vectors * lanes<Real>) {
        hn::Vec<decltype(reals)> step[Vectors];
        for (std::size_t v = 0; v < Vectors; ++v) {
            hwy::Prefetch(a + (packed_ahead * Vectors + v) * lanes<Real>);
            step[v] = hn::Load(reals, a + v * lanes<Real>);
        }
        HWY_UNROLL(12)
        for (std::size_t j = 0; j < Columns; ++j) {
            const auto factor = hn::Set(reals, place[j / columns_apart][(j % columns_apart) * column_stride]);
            for (std::size_t v = 0; v < Vectors; ++v) sum[j][v] = hn::MulAdd(step[v], factor, sum[j][v]);
        }
        for (auto& p : place) p += step_stride;
    }
    const auto zero = hn::Zero(reals);
    for (std::size_t v = 0; v < Vectors; ++v) {
        const std::size_t first = row + v * lanes<Real>;
        const std::size_t count = n_rows - first;
        const auto bias = y.bias != nullptr ? load_some(reals, y.bias + first, count) : zero;
        HWY_UNROLL(12)
        for (std::size_t j = 0; j < Columns; ++j) {
            const std::size_t at = (column + j) * n_rows + first;
            auto value = sum[j][v];
            if (y.add) value = hn::Add(load_some(reals, y.values + at, count), value);
            if (y.bias != nullptr) value = hn::Add(value, bias);
            if (y.rectify) value = hn::IfThenZeroElse(hn::Lt(value, zero), value);  // a NaN stays
            if (y.active != nullptr)
                value = hn::IfThenElseZero(hn::Gt(load_some(reals, y.active + at, count), zero), value);
            store_some(reals, value, count, y.values + at);
        }
    }
}

/// multiply_block for a number of columns that columns_of_block gave.
template <std::size_t Vectors, std::size_t Columns, class... Arguments>
HWY_INLINE void multiply_columns(std::size_t columns, const Arguments&... arguments) {
    if (columns == Columns) {
        multiply_block<Vectors, Columns>(arguments...);
    } else if constexpr (Columns > 1) {
        multiply_columns<Vectors, fewer_columns(Columns)>(columns, arguments...);
    }
}

/// All rows of a few columns of y, steps first .. last-1.
template <class Real>
HWY_INLINE void multiply_rows(const PackedRows<Real>& a, std::size_t first_step, std::size_t last_step, const Real* x,
                              std::size_t step_stride, std::size_t column_stride, std::size_t column,
                              std::size_t columns, const Product<Real>& y) {
    for_each_rows<Real>(a.n_rows, [&](std::size_t row, std::size_t vectors) HWY_ATTR {
        const Real* rows = a.values.get() + row * a.n_steps + first_step * vectors * lanes<Real>;
        const std::size_t n_steps = last_step - first_step;
        if (vectors == most_vectors) {
            multiply_columns<most_vectors, most_columns>(columns, rows, n_steps, x, step_stride, column_stride,
                                                         a.n_rows, row, column, y);
        } else {
            multiply_columns<1, most_columns>(columns, rows, n_steps, x, step_stride, column_stride, a.n_rows, row,
                                              column, y);
        }
    });
}

/// Copies the first `columns` values of every step to where the step before ends. `room` may be most_columns, a number
/// the compiler knows: what is copied beyond `columns` is overwritten by the next step.
template <class Real>
HWY_INLINE void bring_together(const Real* from, std::size_t step_stride, std::size_t n_steps, std::size_t columns,
                               std::size_t room, Real* to) {
    for (std::size_t s = 0; s < n_steps; ++s, from += step_stride, to += columns) {
        hwy::Prefetch(from + columns_ahead * step_stride);
        if (room == most_columns) {
            std::memcpy(to, from, most_columns * sizeof(Real));
        } else {
            for (std::size_t j = 0; j < columns; ++j) to[j] = from[j];
        }
    }
}

template <class Real>
HWY_INLINE void multiply(const PackedRows<Real>& a, const RightOperand<Real>& x, const Product<Real>& y) {
    HWY_ALIGN Real together[(block_steps + 1) * most_columns];
    for_each_part(a.n_steps, block_steps, [&](std::size_t first_step, std::size_t last_step) HWY_ATTR {
        Product<Real> part = y;
        part.add = y.add || first_step > 0;
        if (last_step < a.n_steps) {
            part.bias = part.active = nullptr;
            part.rectify = false;
        }
        for (std::size_t first = 0, columns = 0; first < x.n_columns; first += columns) {
            columns = columns_of_block(x.n_columns - first);
            const Real* from = x.values + first_step * x.step_stride + first * x.column_stride;
            std::size_t step_stride = x.step_stride;
            std::size_t column_stride = x.column_stride;
            if (step_stride != 1) {  // steps far apart would share few cache sets: brought together
                bring_together(from, step_stride, last_step - first_step, columns,
                               first + most_columns <= x.n_columns ? most_columns : columns, together);
                from = together;
                step_stride = columns;
                column_stride = 1;
            }
            multiply_rows(a, first_step, last_step, from, step_stride, column_stride, first, columns, part);
        }
    });
}

/// One entry per function for the dispatch, which knows no templates.
#define BCBENCH_PACKED_FUNCTIONS(Real, suffix)                                                                       \
    std::size_t packed_size_##suffix(std::size_t rows, std::size_t steps) { return packed_size<Real>(rows, steps); } \
    void pack_##suffix(const Real* a, std::size_t rows, std::size_t steps, std::size_t row_stride,                   \
                       std::size_t step_stride, Real* packed) {                                                      \
        pack(a, rows, steps, row_stride, step_stride, packed);                                                       \
    }                                                                                                                \
    void multiply_##suffix(const PackedRows<Real>& a, const RightOperand<Real>& x, const Product<Real>& y) {         \
        multiply(a, x, y);                                                                                           \
    }
BCBENCH_PACKED_FUNCTIONS(float, float)
BCBENCH_PACKED_FUNCTIONS(double, double)
#undef BCBENCH_PACKED_FUNCTIONS

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench {

namespace {

#define BCBENCH_DISPATCH(Real, suffix)                                                                              \
    HWY_EXPORT(packed_size_##suffix);                                                                               \
    HWY_EXPORT(pack_##suffix);                                                                                      \
    HWY_EXPORT(multiply_##suffix);                                                                                  \
    PackedRows<Real> packed(const Matrix<Real>& a, std::size_t rows, std::size_t steps, std::size_t row_stride,     \
                            std::size_t step_stride) {                                                              \
        const std::size_t size = HWY_DYNAMIC_DISPATCH(packed_size_##suffix)(rows, steps);                           \
        PackedRows<Real> result{rows, steps, hwy::AllocateAligned<Real>(std::max<std::size_t>(size, 1))};           \
        HWY_DYNAMIC_DISPATCH(pack_##suffix)(a.memptr(), rows, steps, row_stride, step_stride, result.values.get()); \
        return result;                                                                                              \
    }                                                                                                               \
    void dispatched(const PackedRows<Real>& a, const RightOperand<Real>& x, const Product<Real>& y) {               \
        HWY_DYNAMIC_DISPATCH(multiply_##suffix)(a, x, y);                                                           \
    }
BCBENCH_DISPATCH(float, float)
BCBENCH_DISPATCH(double, double)
#undef BCBENCH_DISPATCH

template <class Real>
RightOperand<Real> in_columns(const Matrix<Real>& x) {
    return {x.memptr(), 1, x.n_rows, x.n_cols};
}

}  // namespace

template <class Real>
PackedRows<Real> pack_rows(const Matrix<Real>& a) {
    return packed(a, a.n_rows, a.n_cols, 1, a.n_rows);
}

template <class Real>
PackedRows<Real> pack_transposed(const Matrix<Real>& a) {
    return pack_transposed(a, a.n_rows);
}

template <class Real>
PackedRows<Real> pack_transposed(const Matrix<Real>& a, std::size_t n_steps) {
    return packed(a, a.n_cols, n_steps, a.n_rows, 1);
}

template <class Real>
void multiply(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y) {
    dispatched(a, in_columns(x), Product<Real>{y.memptr()});
}

template <class Real>
void multiply_add_bias(const PackedRows<Real>& a, const Matrix<Real>& x, const Vector<Real>& bias, bool rectify,
                       Matrix<Real>& y) {
    dispatched(a, in_columns(x), Product<Real>{y.memptr(), false, bias.memptr(), rectify});
}

template <class Real>
void multiply_where_active(const PackedRows<Real>& a, const Matrix<Real>& x, const Matrix<Real>& active,
                           Matrix<Real>& y) {
    dispatched(a, in_columns(x), Product<Real>{y.memptr(), false, nullptr, false, active.memptr()});
}

template <class Real>
void add_product(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y) {
    dispatched(a, in_columns(x), Product<Real>{y.memptr(), true});
}

template <class Real>
void add_product_with_transposed(const PackedRows<Real>& a, const Matrix<Real>& x, Matrix<Real>& y) {
    dispatched(a, RightOperand<Real>{x.memptr(), x.n_rows, 1, x.n_rows}, Product<Real>{y.memptr(), true});
}

#define BCBENCH_INSTANTIATE(Real)                                                                            \
    template PackedRows<Real> pack_rows(const Matrix<Real>&);                                                \
    template PackedRows<Real> pack_transposed(const Matrix<Real>&);                                          \
    template PackedRows<Real> pack_transposed(const Matrix<Real>&, std::size_t);                             \
    template void add_product(const PackedRows<Real>&, const Matrix<Real>&, Matrix<Real>&);                  \
    template void multiply(const PackedRows<Real>&, const Matrix<Real>&, Matrix<Real>&);                     \
    template void multiply_add_bias(const PackedRows<Real>&, const Matrix<Real>&, const Vector<Real>&, bool, \
                                    Matrix<Real>&);                                                          \
    template void multiply_where_active(const PackedRows<Real>&, const Matrix<Real>&, const Matrix<Real>&,   \
                                        Matrix<Real>&);                                                      \
    template void add_product_with_transposed(const PackedRows<Real>&, const Matrix<Real>&, Matrix<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
#endif  // HWY_ONCE
