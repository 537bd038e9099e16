#include "engine/core/normal_quantiles.hpp"

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>

#include "engine/core/random.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/core/normal_quantiles.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "hwy/contrib/math/math-inl.h"

#ifndef BCBENCH_NORMAL_QUANTILES_ONCE
#define BCBENCH_NORMAL_QUANTILES_ONCE
namespace bcbench {

/// erfinv(x) / x is a function of w = -log(1 - x^2), smooth where w is small (Giles 2012, "Approximating the erfinv
/// function"). The polynomial in w - w_middle equals it at the Chebyshev nodes of [0, w_largest], to 4e-17 between
/// them; beyond, which is |x| > 0.99903, draws are made one by one.
inline constexpr double w_largest = 6.25;
inline constexpr double w_middle = 3.125;
inline constexpr double quotient[] = {
    1.653654562683102712,      0.24015818242558834244,      -0.00603367087142685108,    -0.00074070253415464312197,
    0.00018673420801981186737, -0.000013882523393957482189, -1.3654691758785657117e-6,  4.2347881682224595796e-7,
    -2.9070391275641319496e-8, -4.1126604371632181965e-9,   1.0512233770504290202e-9,   -5.4143032839195044137e-11,
    -1.29788053699325656e-11,  2.6305268312595183063e-12,   -8.0719259389900406752e-14, -4.0020031087558495144e-14,
    6.5213335115022384649e-15, -3.9401881223043201366e-17,  -1.2215637192404172343e-16, 1.5510787009902524519e-17,
    6.0750507020724138821e-19, -3.4734793888538034974e-19,  1.9992599888615348823e-20,  3.1940155481362710879e-21,
    -3.5932028927020695337e-22};

}  // namespace bcbench
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void normal_quantiles(const std::uint32_t* words, std::size_t count, float low, float high, float bound, float* draws) {
    const hn::ScalableTag<double> doubles;
    const hn::Rebind<float, decltype(doubles)> floats;
    const hn::Rebind<std::uint32_t, decltype(doubles)> integers;
    const std::size_t lanes = hn::Lanes(doubles);
    constexpr std::size_t terms = sizeof(quotient) / sizeof(quotient[0]);
    const auto one = hn::Set(doubles, 1.0);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        // uniform_from_word, step by step
        const auto bits = hn::Or(hn::ShiftRight<9>(hn::LoadU(integers, words + i)), hn::Set(integers, 0x3f800000U));
        const auto in_zero_one = hn::Sub(hn::BitCast(floats, bits), hn::Set(floats, 1.0F));
        const auto scaled = hn::Add(hn::Mul(in_zero_one, hn::Set(floats, high - low)), hn::Set(floats, low));
        const auto x = hn::PromoteTo(doubles, hn::Max(hn::Set(floats, low), scaled));

        const auto w = hn::Neg(hn::Log(doubles, hn::Sub(one, hn::Mul(x, x))));
        const auto t = hn::Sub(w, hn::Set(doubles, w_middle));
        auto sum = hn::Set(doubles, quotient[terms - 1]);
        for (std::size_t k = terms - 1; k-- > 0;) sum = hn::MulAdd(sum, t, hn::Set(doubles, quotient[k]));
        const auto quantile = hn::Mul(hn::Set(floats, std::sqrt(2.0F)), hn::DemoteTo(floats, hn::Mul(sum, x)));
        hn::StoreU(hn::Min(hn::Max(quantile, hn::Set(floats, -bound)), hn::Set(floats, bound)), floats, draws + i);
        if (hn::AllTrue(doubles, hn::Le(w, hn::Set(doubles, w_largest)))) continue;
        for (std::size_t k = i; k < i + lanes; ++k) {  // rare
            draws[k] = std::clamp(normal_quantile(words[k], low, high), -bound, bound);
        }
    }
    for (; i < count; ++i) draws[i] = std::clamp(normal_quantile(words[i], low, high), -bound, bound);
}

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench {

HWY_EXPORT(normal_quantiles);

namespace {

// In double itself: Boost's default would compute in long double, at three times the cost, to round to float in the
// end.
using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

}  // namespace

float normal_quantile(std::uint32_t word, float low, float high) {
    const double uniform = uniform_from_word(word, low, high);
    return std::sqrt(2.0F) * static_cast<float>(boost::math::erf_inv(uniform, InDouble()));
}

void normal_quantiles(const std::uint32_t* words, std::size_t count, float low, float high, float bound, float* draws) {
    HWY_DYNAMIC_DISPATCH(normal_quantiles)(words, count, low, high, bound, draws);
}

}  // namespace bcbench
#endif  // HWY_ONCE
