// 2^x in vectors against std::exp2 in long double, over all its range and with every instruction set. This file is
// compiled once per instruction set.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/unit/core/test_vector_exp.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::vector_exp_test::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
void exp2_of(const Real* x, std::size_t n, Real* y) {
    const hn::ScalableTag<Real> reals;
    for (std::size_t i = 0; i < n; i += hn::Lanes(reals)) {
        hn::StoreU(bcbench::HWY_NAMESPACE::exp2_of_negative(reals, hn::LoadU(reals, x + i)), reals, y + i);
    }
}
void exp2_float(const float* x, std::size_t n, float* y) { exp2_of(x, n, y); }
void exp2_double(const double* x, std::size_t n, double* y) { exp2_of(x, n, y); }

}  // namespace bcbench::vector_exp_test::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::vector_exp_test {

HWY_EXPORT(exp2_float);
HWY_EXPORT(exp2_double);

namespace {

template <class Real>
std::vector<Real> exp2_of(std::vector<Real> x) {
    const std::size_t n = x.size();
    x.resize(n + 16, Real(0));
    std::vector<Real> y(x.size());
    if constexpr (std::is_same_v<Real, float>) {
        HWY_DYNAMIC_DISPATCH(exp2_float)(x.data(), n, y.data());
    } else {
        HWY_DYNAMIC_DISPATCH(exp2_double)(x.data(), n, y.data());
    }
    y.resize(n);
    return y;
}

// Largest distance from 2^x in units of the last place of 2^x: x evenly spaced over [lowest, 0], and near 0 by ratios.
template <class Real>
double largest_error(double lowest) {
    std::vector<Real> x;
    for (int i = 0; i <= 300000; ++i) x.push_back(static_cast<Real>(lowest * i / 300000));
    for (double small = -1.0; small > -1e-30; small *= 0.999) x.push_back(static_cast<Real>(small));
    const std::vector<Real> y = exp2_of(x);
    double largest = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double right = std::exp2(static_cast<long double>(x[i]));
        const long double unit = std::ldexp(1.0L, std::ilogb(right) + 1 - std::numeric_limits<Real>::digits);
        largest = std::max(largest, static_cast<double>(std::abs(static_cast<long double>(y[i]) - right) / unit));
    }
    return largest;
}

template <class Real>
void require_limits(double lowest) {
    const Real infinity = std::numeric_limits<Real>::infinity();
    const std::vector<Real> y =
        exp2_of<Real>({Real(0), Real(-1), static_cast<Real>(lowest), static_cast<Real>(lowest - 1.0), -infinity,
                       std::numeric_limits<Real>::quiet_NaN()});
    REQUIRE(y[0] == Real(1));
    REQUIRE(y[1] == Real(0.5));
    REQUIRE(y[2] == std::numeric_limits<Real>::min());
    REQUIRE(y[3] == Real(0));
    REQUIRE(y[4] == Real(0));
    REQUIRE(std::isnan(y[5]));
}

}  // namespace

// Where the result is largest against its unit u, r < 0: the sum 1 + r q lies in [0.7, 1), its last rounding is u/2.
// The rounding of q, in [0.5, 1) as well, is u/2 and that of its constant term u/2, both times |r| <= 1/2: together
// u/2. The terms before it and the series itself give less than u/10. A product that is rounded before it is added,
// where vectors have no fused step, is below 1/2 and adds u/4, and the one before it less than u/10.
TEST_CASE("2^x in vectors is within 1.1 units in the last place, 1.5 without fused steps", "[vector_exp]") {
    const auto available = hwy::SupportedTargets();
    for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3}) {
        if ((available & target) == 0) continue;
        INFO(hwy::TargetName(target));
        const bool fused = target == HWY_AVX3 || target == HWY_AVX2;
        hwy::SetSupportedTargetsForTest(target);
        CHECK(largest_error<float>(-126.0) < (fused ? 1.1 : 1.5));
        CHECK(largest_error<double>(-1022.0) < (fused ? 1.1 : 1.5));
        require_limits<float>(-126.0);
        require_limits<double>(-1022.0);
        hwy::SetSupportedTargetsForTest(0);
    }
}

}  // namespace bcbench::vector_exp_test
#endif  // HWY_ONCE
