#include "engine/methods/harmony/tile.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cmath>
#include <limits>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/methods/harmony/tile.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::harmony::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
constexpr std::size_t lanes = HWY_LANES(Real);

/// Most vectors of a row, and rows, whose sums are held in registers at once.
constexpr std::size_t most_vectors = HWY_CAP_GE512 ? 7 : 3;
constexpr std::size_t block_rows = 4;

/// How many rows before its turn a row is asked for: rows of a run are far apart, and none foresees them.
constexpr std::size_t rows_ahead = 6;

/// `Rows` rows by `Vectors` vectors of a product.
template <std::size_t Rows, std::size_t Vectors, class Real>
HWY_INLINE void multiply_block(const Product<Real>& p, std::size_t row, std::size_t column) {
    const hn::ScalableTag<Real> reals;
    hn::Vec<decltype(reals)> sum[Rows][Vectors];
    Real* out = p.out + row * p.n_columns + column;
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
        HWY_UNROLL(7)
        for (std::size_t v = 0; v < Vectors; ++v) {
            sum[r][v] = p.add ? hn::Load(reals, out + r * p.n_columns + v * lanes<Real>) : hn::Zero(reals);
        }
    }
    const Real* a = p.a + row * p.a_row;
    const Real* b = p.b + column;
    for (std::size_t s = 0; s < p.n_steps; ++s, a += p.a_step, b += p.n_columns) {
        hn::Vec<decltype(reals)> step[Vectors];
        HWY_UNROLL(7)
        for (std::size_t v = 0; v < Vectors; ++v) step[v] = hn::Load(reals, b + v * lanes<Real>);
        HWY_UNROLL(4)
        for (std::size_t r = 0; r < Rows; ++r) {
            const auto factor = hn::Set(reals, a[r * p.a_row]);
            HWY_UNROLL(7)
            for (std::size_t v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(factor, step[v], sum[r][v]);
        }
    }
    HWY_UNROLL(7)
    for (std::size_t v = 0; v < Vectors; ++v) {
        if (p.scale != nullptr) {
            const auto scale = hn::LoadU(reals, p.scale + column + v * lanes<Real>);
            const auto offset = hn::LoadU(reals, p.offset + column + v * lanes<Real>);
            HWY_UNROLL(4)
            for (std::size_t r = 0; r < Rows; ++r) sum[r][v] = hn::MulAdd(sum[r][v], scale, offset);
        }
        HWY_UNROLL(4)
        for (std::size_t r = 0; r < Rows; ++r) {
            hn::Store(sum[r][v], reals, out + r * p.n_columns + v * lanes<Real>);
        }
    }
}

template <std::size_t Vectors, class Real>
HWY_INLINE void multiply_panel(const Product<Real>& p, std::size_t vectors, std::size_t column) {
    if (vectors == Vectors) {
        std::size_t row = 0;
        for (; row + block_rows <= p.n_rows; row += block_rows) multiply_block<block_rows, Vectors>(p, row, column);
        if (row + 2 <= p.n_rows) {
            multiply_block<2, Vectors>(p, row, column);
            row += 2;
        }
        if (row < p.n_rows) multiply_block<1, Vectors>(p, row, column);
    } else if constexpr (Vectors > 1) {
        multiply_panel<Vectors - 1>(p, vectors, column);
    }
}

template <class Real>
HWY_INLINE void multiply_all(const Product<Real>& p) {
    const std::size_t n_vectors = p.n_columns / lanes<Real>;
    const std::size_t n_panels = (n_vectors + most_vectors - 1) / most_vectors;
    for (std::size_t panel = 0; panel < n_panels; ++panel) {  // as even as can be
        const std::size_t first = panel * n_vectors / n_panels;
        multiply_panel<most_vectors>(p, (panel + 1) * n_vectors / n_panels - first, first * lanes<Real>);
    }
}

template <class Real>
HWY_INLINE void to_unit(Real* rows, std::size_t count, std::size_t width) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; ++i, rows += width) {
        auto squares = hn::Zero(reals);
        for (std::size_t c = 0; c < width; c += lanes<Real>) {
            const auto value = hn::Load(reals, rows + c);
            squares = hn::MulAdd(value, value, squares);
        }
        Real sum = hn::GetLane(hn::SumOfLanes(reals, squares));
        if (!(sum >= Real(1e-20) && sum <= Real(1e20))) {  // squares may have over- or underflowed
            Real largest = 0;
            for (std::size_t c = 0; c < width; ++c) largest = std::max(largest, std::abs(rows[c]));
            if (largest == Real(0)) continue;
            sum = 0;
            for (std::size_t c = 0; c < width; ++c) {
                rows[c] /= largest;
                sum += rows[c] * rows[c];
            }
        }
        const auto scale = hn::Set(reals, Real(1) / std::sqrt(sum));
        for (std::size_t c = 0; c < width; c += lanes<Real>) {
            hn::Store(hn::Mul(hn::Load(reals, rows + c), scale), reals, rows + c);
        }
    }
}

/// sums[i] += values, a vector at a time in double.
template <class D, class V>
HWY_INLINE void add_in_double(D reals, V values, double* sums) {
    if constexpr (hn::MaxLanes(D()) == 1) {
        *sums += static_cast<double>(hn::GetLane(values));
    } else if constexpr (sizeof(hn::TFromD<D>) == sizeof(double)) {
        hn::StoreU(hn::Add(hn::LoadU(reals, sums), values), reals, sums);
    } else {
#if HWY_TARGET != HWY_SCALAR
        const hn::Repartition<double, D> doubles;
        const hn::Half<D> halves;
        constexpr std::size_t half = hn::MaxLanes(D()) / 2;
        const auto low = hn::PromoteTo(doubles, hn::LowerHalf(halves, values));
        const auto high = hn::PromoteTo(doubles, hn::UpperHalf(halves, values));
        hn::StoreU(hn::Add(hn::LoadU(doubles, sums), low), doubles, sums);
        hn::StoreU(hn::Add(hn::LoadU(doubles, sums + half), high), doubles, sums + half);
#endif
    }
}

template <class Real>
HWY_INLINE void add_distances(const Real* dots, std::size_t count, std::size_t width, double* sums) {
    const hn::ScalableTag<Real> reals;
    const auto two = hn::Set(reals, Real(2));
    const auto least = hn::Set(reals, Real(1e-6));
    for (std::size_t c = 0; c < width; c += lanes<Real>) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < count; ++i) {
            const auto distance = hn::NegMulAdd(two, hn::Load(reals, dots + i * width + c), two);
            sum = hn::Add(sum, hn::IfThenElseZero(hn::Ge(distance, least), distance));
        }
        add_in_double(reals, sum, sums + c);
    }
}

template <class Real>
HWY_INLINE void find_largest(const Real* rows, std::size_t count, std::size_t width, std::uint32_t* column) {
    const hn::ScalableTag<Real> reals;
    const auto first = hn::Iota(reals, Real(0));
    const auto none = hn::Set(reals, static_cast<Real>(width));
    for (std::size_t i = 0; i < count; ++i, rows += width) {
        auto largest = hn::Load(reals, rows);
        auto where = first;
        auto here = first;
        for (std::size_t c = lanes<Real>; c < width; c += lanes<Real>) {
            here = hn::Add(here, hn::Set(reals, static_cast<Real>(lanes<Real>)));
            const auto value = hn::Load(reals, rows + c);
            const auto larger = hn::Gt(value, largest);
            largest = hn::IfThenElse(larger, value, largest);
            where = hn::IfThenElse(larger, here, where);
        }
        const auto reached = hn::Eq(largest, hn::MaxOfLanes(reals, largest));
        where = hn::MinOfLanes(reals, hn::IfThenElse(reached, where, none));
        column[i] = static_cast<std::uint32_t>(hn::GetLane(where));
    }
}

/// The largest logit of a row + factor, in all lanes.
template <class D, class Real>
HWY_INLINE hn::Vec<D> highest_of(D reals, const Real* logits, const Real* factor, std::size_t width) {
    auto most = hn::Add(hn::Load(reals, logits), hn::Load(reals, factor));
    for (std::size_t c = lanes<Real>; c < width; c += lanes<Real>) {
        most = hn::Max(most, hn::Add(hn::Load(reals, logits + c), hn::Load(reals, factor + c)));
    }
    return hn::MaxOfLanes(reals, most);
}

/// 2^(logit + factor - highest) of a row to `powers`; returns their sum.
template <class D, class Real>
HWY_INLINE Real exponentiate(D reals, const Real* logits, const Real* factor, std::size_t width, hn::Vec<D> highest,
                             Real* powers) {
    auto sum = hn::Zero(reals);
    for (std::size_t c = 0; c < width; c += lanes<Real>) {
        const auto logit = hn::Add(hn::Load(reals, logits + c), hn::Load(reals, factor + c));
        const auto power = bcbench::HWY_NAMESPACE::exp2_of_negative(reals, hn::Sub(logit, highest));
        hn::Store(power, reals, powers + c);
        sum = hn::Add(sum, power);
    }
    return hn::GetLane(hn::SumOfLanes(reals, sum));
}

/// Above all logits + factors of a row, in all lanes: the sum of two bounds that are at hand, unless the factors are so
/// far apart that the powers below it might all be 0.
template <class D, class Real>
HWY_INLINE hn::Vec<D> bound_of(D reals, const Real* logits, const Factor<Real>& factor, std::size_t n_clusters,
                               std::size_t width) {
    if (factor.is_wide) return highest_of(reals, logits, factor.row, width);
    return hn::Set(reals, logits[n_clusters] + factor.highest);
}

/// log2 of a product of many numbers between 1e-50 and 1e50, without a logarithm for each.
class LogOfProduct {
  public:
    HWY_INLINE void multiply(double factor) {
        product_ *= factor;
        if (product_ > 1e200 || product_ < 1e-200) take();
    }
    HWY_INLINE double value() {
        take();
        return log_;
    }

  private:
    HWY_INLINE void take() {
        log_ += std::log2(product_);
        product_ = 1.0;
    }
    double product_ = 1.0;
    double log_ = 0.0;
};

template <class Real>
HWY_INLINE SoftParts assign_run(const SoftRun<Real>& run, Real* share, Real* scratch) {
    const hn::ScalableTag<Real> reals;
    const std::size_t width = run.width;
    const Factor<Real>& factor = run.factor;
    Real* powers = scratch;
    Real* logit_sums = scratch + width;          // [width] sum of R logit
    Real* log_total_sums = scratch + 2 * width;  // [width] sum of R log2 of the cell's total, for widths that differ
    for (std::size_t c = 0; c < width; c += lanes<Real>) {
        hn::Store(hn::Zero(reals), reals, share + c);
        hn::Store(hn::Zero(reals), reals, logit_sums + c);
        hn::Store(hn::Zero(reals), reals, log_total_sums + c);
    }
    double highest_sum = 0.0;
    LogOfProduct totals;
    for (std::size_t i = 0; i < run.count; ++i) {
        const Real* logits = run.logits + run.positions[i] * width;
        const Real* later = run.logits + run.positions[i + rows_ahead] * width;
        for (std::size_t c = 0; c < width; c += 64 / sizeof(Real)) hwy::Prefetch(later + c);
        const auto highest = bound_of(reals, logits, factor, run.n_clusters, width);
        const Real total = exponentiate(reals, logits, factor.row, width, highest, powers);
        const auto inverse = hn::Set(reals, Real(1) / total);
        for (std::size_t c = 0; c < width; c += lanes<Real>) {
            const auto assigned = hn::Mul(hn::Load(reals, powers + c), inverse);
            hn::Store(assigned, reals, powers + c);
            hn::Store(hn::Add(hn::Load(reals, share + c), assigned), reals, share + c);
            const auto logit = hn::Load(reals, logits + c);
            hn::Store(hn::MulAdd(assigned, logit, hn::Load(reals, logit_sums + c)), reals, logit_sums + c);
        }
        const auto highest_here = static_cast<double>(hn::GetLane(highest));
        const auto total_here = static_cast<double>(total);
        if (run.same_sigma) {
            highest_sum += highest_here;
            totals.multiply(total_here);
            continue;
        }
        const auto log_total = hn::Set(reals, static_cast<Real>(highest_here + std::log2(total_here)));
        for (std::size_t c = 0; c < width; c += lanes<Real>) {
            const auto sum = hn::MulAdd(hn::Load(reals, powers + c), log_total, hn::Load(reals, log_total_sums + c));
            hn::Store(sum, reals, log_total_sums + c);
        }
    }
    SoftParts parts;
    for (std::size_t c = 0; c < width; ++c) {
        const auto sigma = static_cast<double>(run.sigma[c]);
        const double logit = sigma * static_cast<double>(logit_sums[c]);
        parts.logit += logit;
        parts.entropy += logit + sigma * (static_cast<double>(share[c]) * static_cast<double>(factor.row[c]) -
                                          static_cast<double>(log_total_sums[c]));
    }
    if (run.same_sigma) parts.entropy -= static_cast<double>(run.sigma[0]) * (highest_sum + totals.value());
    return parts;
}

template <class Real>
HWY_INLINE void assign_rows(const Real* logits, const Factor<Real>* const* factors, std::size_t count,
                            std::size_t n_clusters, std::size_t width, Real* assigned) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; ++i, logits += width, assigned += width) {
        const auto highest = bound_of(reals, logits, *factors[i], n_clusters, width);
        const Real total = exponentiate(reals, logits, factors[i]->row, width, highest, assigned);
        const auto inverse = hn::Set(reals, Real(1) / total);
        for (std::size_t c = 0; c < width; c += lanes<Real>) {
            hn::Store(hn::Mul(hn::Load(reals, assigned + c), inverse), reals, assigned + c);
        }
    }
}

/// The largest entry of each row to the column after the last cluster.
template <class Real>
HWY_INLINE void store_highest(Real* rows, std::size_t count, std::size_t n_clusters, std::size_t width) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < count; ++i, rows += width) {
        auto most = hn::Load(reals, rows);
        for (std::size_t c = lanes<Real>; c < width; c += lanes<Real>) most = hn::Max(most, hn::Load(reals, rows + c));
        rows[n_clusters] = hn::GetLane(hn::MaxOfLanes(reals, most));
    }
}

/// Copies `count` columns of `n_features` to rows of `width`, 0 beyond the features. No columns: neighbours.
template <class Real>
HWY_INLINE void load_rows(const Real* cells, std::size_t n_features, const std::uint32_t* columns, std::size_t count,
                          std::size_t width, Real* rows) {
    const hn::ScalableTag<Real> reals;
    constexpr std::size_t line = 64 / sizeof(Real);
    for (std::size_t i = 0; i < count; ++i, rows += width) {
        const Real* cell = cells + (columns != nullptr ? columns[i] : i) * n_features;
        if (columns != nullptr) {
            const Real* later = cells + columns[std::min(i + rows_ahead, count - 1)] * n_features;
            for (std::size_t f = 0; f < n_features; f += line) hwy::Prefetch(later + f);
        }
        for (std::size_t f = width - line; f < width; f += lanes<Real>) hn::Store(hn::Zero(reals), reals, rows + f);
        if (n_features < lanes<Real>) {
            for (std::size_t f = 0; f < n_features; ++f) rows[f] = cell[f];
            continue;
        }
        std::size_t f = 0;
        for (; f + lanes<Real> <= n_features; f += lanes<Real>) hn::Store(hn::LoadU(reals, cell + f), reals, rows + f);
        const std::size_t last = n_features - lanes<Real>;  // some of it once more
        if (f < n_features) hn::StoreU(hn::LoadU(reals, cell + last), reals, rows + last);
    }
}

template <class Real>
HWY_INLINE void add_to(const Real* a, std::size_t n, double* sum) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < n; i += lanes<Real>) add_in_double(reals, hn::Load(reals, a + i), sum + i);
}

template <class Real>
HWY_INLINE void flush(Real* values, std::size_t n, double* sums) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < n; i += lanes<Real>) {
        add_in_double(reals, hn::Load(reals, values + i), sums + i);
        hn::Store(hn::Zero(reals), reals, values + i);
    }
}

template <class Real>
HWY_INLINE void add_rows(const Real* rows, std::size_t count, std::size_t width, double* sums) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t c = 0; c < width; c += lanes<Real>) {
        auto sum = hn::Zero(reals);
        for (std::size_t i = 0; i < count; ++i) sum = hn::Add(sum, hn::Load(reals, rows + i * width + c));
        add_in_double(reals, sum, sums + c);
    }
}

/// One entry per function for the dispatch, which knows no templates.
#define BCBENCH_TILE_FUNCTIONS(Real, suffix)                                                                           \
    void multiply_##suffix(const Product<Real>& p) { multiply_all(p); }                                                \
    void to_unit_##suffix(Real* r, std::size_t n, std::size_t w) { to_unit(r, n, w); }                                 \
    void add_distances_##suffix(const Real* d, std::size_t n, std::size_t w, double* s) { add_distances(d, n, w, s); } \
    void find_largest_##suffix(const Real* r, std::size_t n, std::size_t w, std::uint32_t* c) {                        \
        find_largest(r, n, w, c);                                                                                      \
    }                                                                                                                  \
    SoftParts assign_run_##suffix(const SoftRun<Real>& r, Real* s, Real* t) { return assign_run(r, s, t); }            \
    void assign_tile_##suffix(const Real* l, const Factor<Real>* const* f, std::size_t n, std::size_t k,               \
                              std::size_t w, Real* a) {                                                                \
        assign_rows(l, f, n, k, w, a);                                                                                 \
    }                                                                                                                  \
    void store_highest_##suffix(Real* r, std::size_t n, std::size_t k, std::size_t w) { store_highest(r, n, k, w); }   \
    void load_rows_##suffix(const Real* c, std::size_t f, const std::uint32_t* i, std::size_t n, std::size_t w,        \
                            Real* r) {                                                                                 \
        load_rows(c, f, i, n, w, r);                                                                                   \
    }                                                                                                                  \
    void add_to_##suffix(const Real* a, std::size_t n, double* s) { add_to(a, n, s); }                                 \
    void flush_##suffix(Real* a, std::size_t n, double* s) { flush(a, n, s); }                                         \
    void add_rows_##suffix(const Real* r, std::size_t n, std::size_t w, double* s) { add_rows(r, n, w, s); }
BCBENCH_TILE_FUNCTIONS(float, float)
BCBENCH_TILE_FUNCTIONS(double, double)
#undef BCBENCH_TILE_FUNCTIONS

}  // namespace bcbench::harmony::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::harmony {

void ask_for_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef __linux__
    constexpr std::size_t page = std::size_t{1} << 21;
    if (bytes < 2 * page) return;
    const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(memory) % page) % page;
    madvise(static_cast<char*>(memory) + before, (bytes - before) / page * page, MADV_HUGEPAGE);
#endif
}

#define BCBENCH_DISPATCH(Real, suffix)                                                                               \
    HWY_EXPORT(multiply_##suffix);                                                                                   \
    HWY_EXPORT(to_unit_##suffix);                                                                                    \
    HWY_EXPORT(add_distances_##suffix);                                                                              \
    HWY_EXPORT(find_largest_##suffix);                                                                               \
    HWY_EXPORT(assign_run_##suffix);                                                                                 \
    HWY_EXPORT(assign_tile_##suffix);                                                                                \
    HWY_EXPORT(store_highest_##suffix);                                                                              \
    HWY_EXPORT(load_rows_##suffix);                                                                                  \
    HWY_EXPORT(add_to_##suffix);                                                                                     \
    HWY_EXPORT(flush_##suffix);                                                                                      \
    HWY_EXPORT(add_rows_##suffix);                                                                                   \
    template <>                                                                                                      \
    void multiply(const Product<Real>& product) {                                                                    \
        HWY_DYNAMIC_DISPATCH(multiply_##suffix)(product);                                                            \
    }                                                                                                                \
    template <>                                                                                                      \
    void to_unit(Real* rows, std::size_t count, std::size_t width) {                                                 \
        HWY_DYNAMIC_DISPATCH(to_unit_##suffix)(rows, count, width);                                                  \
    }                                                                                                                \
    template <>                                                                                                      \
    void add_distances(const Real* dots, std::size_t count, std::size_t width, double* sums) {                       \
        HWY_DYNAMIC_DISPATCH(add_distances_##suffix)(dots, count, width, sums);                                      \
    }                                                                                                                \
    template <>                                                                                                      \
    void find_largest(const Real* rows, std::size_t count, std::size_t width, std::uint32_t* column) {               \
        HWY_DYNAMIC_DISPATCH(find_largest_##suffix)(rows, count, width, column);                                     \
    }                                                                                                                \
    template <>                                                                                                      \
    SoftParts assign_run(const SoftRun<Real>& run, Real* share) {                                                    \
        thread_local Buffer<Real> scratch;                                                                           \
        if (scratch.size() < 3 * run.width) scratch = Buffer<Real>(3 * run.width);                                   \
        return HWY_DYNAMIC_DISPATCH(assign_run_##suffix)(run, share, scratch.get());                                 \
    }                                                                                                                \
    template <>                                                                                                      \
    void assign_tile(const Real* logits, const Factor<Real>* const* factors, std::size_t count,                      \
                     std::size_t n_clusters, std::size_t width, Real* assigned) {                                    \
        HWY_DYNAMIC_DISPATCH(assign_tile_##suffix)(logits, factors, count, n_clusters, width, assigned);             \
    }                                                                                                                \
    template <>                                                                                                      \
    void store_highest(Real* rows, std::size_t count, std::size_t n_clusters, std::size_t width) {                   \
        HWY_DYNAMIC_DISPATCH(store_highest_##suffix)(rows, count, n_clusters, width);                                \
    }                                                                                                                \
    template <>                                                                                                      \
    void load_rows(const Matrix<Real>& cells, std::size_t first, std::size_t count, std::size_t width, Real* rows) { \
        HWY_DYNAMIC_DISPATCH(load_rows_##suffix)(cells.colptr(first), cells.n_rows, nullptr, count, width, rows);    \
    }                                                                                                                \
    template <>                                                                                                      \
    void load_rows(const Matrix<Real>& cells, const std::uint32_t* columns, std::size_t count, std::size_t width,    \
                   Real* rows) {                                                                                     \
        HWY_DYNAMIC_DISPATCH(load_rows_##suffix)(cells.memptr(), cells.n_rows, columns, count, width, rows);         \
    }                                                                                                                \
    template <>                                                                                                      \
    void add_to(const Real* a, std::size_t n, double* sum) {                                                         \
        HWY_DYNAMIC_DISPATCH(add_to_##suffix)(a, n, sum);                                                            \
    }                                                                                                                \
    template <>                                                                                                      \
    void flush(Real* values, std::size_t n, double* sums) {                                                          \
        HWY_DYNAMIC_DISPATCH(flush_##suffix)(values, n, sums);                                                       \
    }                                                                                                                \
    template <>                                                                                                      \
    void add_rows(const Real* rows, std::size_t count, std::size_t width, double* sums) {                            \
        HWY_DYNAMIC_DISPATCH(add_rows_##suffix)(rows, count, width, sums);                                           \
    }
BCBENCH_DISPATCH(float, float)
BCBENCH_DISPATCH(double, double)
#undef BCBENCH_DISPATCH

}  // namespace bcbench::harmony
#endif  // HWY_ONCE
