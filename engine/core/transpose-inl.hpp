// Small transposes, between matrices whose columns are neighbours in memory and those whose rows are. Included by files
// that are compiled once per instruction set.
#if defined(BCBENCH_TRANSPOSE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef BCBENCH_TRANSPOSE_INL
#undef BCBENCH_TRANSPOSE_INL
#else
#define BCBENCH_TRANSPOSE_INL
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace bcbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A square of values whose rows fill 128-bit vectors; transpose_square makes its rows columns.
#if HWY_TARGET == HWY_SCALAR
template <class Real>
constexpr std::size_t square = 1;

template <class Real>
HWY_INLINE void transpose_square(const Real* const* from, Real* const* to) {
    to[0][0] = from[0][0];
}
#else
template <class Real>
constexpr std::size_t square = 16 / sizeof(Real);

HWY_INLINE void transpose_square(const double* const* from, double* const* to) {
    const hn::FixedTag<double, 2> reals;
    const auto a = hn::LoadU(reals, from[0]);
    const auto b = hn::LoadU(reals, from[1]);
    hn::StoreU(hn::InterleaveLower(reals, a, b), reals, to[0]);
    hn::StoreU(hn::InterleaveUpper(reals, a, b), reals, to[1]);
}

HWY_INLINE void transpose_square(const float* const* from, float* const* to) {
    const hn::FixedTag<float, 4> reals;
    const auto a = hn::LoadU(reals, from[0]);
    const auto b = hn::LoadU(reals, from[1]);
    const auto c = hn::LoadU(reals, from[2]);
    const auto d = hn::LoadU(reals, from[3]);
    const auto ac_low = hn::InterleaveLower(reals, a, c);
    const auto bd_low = hn::InterleaveLower(reals, b, d);
    const auto ac_high = hn::InterleaveUpper(reals, a, c);
    const auto bd_high = hn::InterleaveUpper(reals, b, d);
    hn::StoreU(hn::InterleaveLower(reals, ac_low, bd_low), reals, to[0]);
    hn::StoreU(hn::InterleaveUpper(reals, ac_low, bd_low), reals, to[1]);
    hn::StoreU(hn::InterleaveLower(reals, ac_high, bd_high), reals, to[2]);
    hn::StoreU(hn::InterleaveUpper(reals, ac_high, bd_high), reals, to[3]);
}
#endif

/// Calls body(i) for squares that begin at i and cover all n, at least one square; the last may overlap the one before.
template <class Real, class Body>
HWY_INLINE void for_each_square(std::size_t n, const Body& body) {
    for (std::size_t i = 0; i + square<Real> <= n; i += square<Real>) body(i);
    if (n % square<Real> != 0) body(n - square<Real>);
}

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
