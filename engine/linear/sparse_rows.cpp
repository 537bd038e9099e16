#include "engine/linear/sparse_rows.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/linear/sparse_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::linear::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, 8>;

constexpr std::size_t columns_at_a_time = 8;
constexpr std::size_t vectors = columns_at_a_time / hn::MaxLanes(Doubles());
constexpr std::size_t chains = vectors < 4 ? 4 / vectors : 1;

/// One row times eight columns of x, whose rows are `width` apart: the sums stay in registers. Several chains of sums,
/// each of every few entries, for one would wait for itself.
HWY_INLINE void recur_eight(const SparseRows& rows, std::size_t i, const double* x, std::size_t width, double factor,
                            double* y) {
    const Doubles d;
    hn::Vec<Doubles> sums[chains][vectors];
    for (auto& chain : sums) {
        for (auto& sum : chain) sum = hn::Zero(d);
    }
    const auto add = [&](std::size_t e, hn::Vec<Doubles>* chain) HWY_ATTR {
        const double* const other = x + width * rows.target[e];
        const auto value = hn::Set(d, rows.value[e]);
        for (std::size_t v = 0; v < vectors; ++v) {
            chain[v] = hn::MulAdd(value, hn::LoadU(d, other + v * hn::Lanes(d)), chain[v]);
        }
    };
    std::size_t e = rows.start[i];
    for (; e + chains <= rows.start[i + 1]; e += chains) {
        for (std::size_t c = 0; c < chains; ++c) add(e + c, sums[c]);
    }
    for (; e < rows.start[i + 1]; ++e) add(e, sums[0]);
    for (std::size_t v = 0; v < vectors; ++v) {
        auto sum = sums[0][v];
        for (std::size_t c = 1; c < chains; ++c) sum = hn::Add(sum, sums[c][v]);
        double* const out = y + v * hn::Lanes(d);
        hn::StoreU(hn::MulSub(hn::Set(d, factor), sum, hn::LoadU(d, out)), d, out);
    }
}

void recur_rows(const SparseRows& rows, const double* x, std::size_t width, double factor, double* y) {
    for (std::size_t i = rows.first; i < rows.first + rows.count; ++i) {
        std::size_t c = 0;
        for (; c + columns_at_a_time <= width; c += columns_at_a_time) {
            recur_eight(rows, i, x + c, width, factor, y + i * width + c);
        }
        for (; c < width; ++c) {
            double sum = 0.0;
            for (std::size_t e = rows.start[i]; e < rows.start[i + 1]; ++e) {
                sum += rows.value[e] * x[width * rows.target[e] + c];
            }
            y[i * width + c] = factor * sum - y[i * width + c];
        }
    }
}

}  // namespace bcbench::linear::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::linear {

HWY_EXPORT(recur_rows);

void recur(const SparseRows& rows, const arma::mat& x, double factor, arma::mat& y) {
    HWY_DYNAMIC_DISPATCH(recur_rows)(rows, x.memptr(), x.n_rows, factor, y.memptr());
}

}  // namespace bcbench::linear
#endif  // HWY_ONCE
