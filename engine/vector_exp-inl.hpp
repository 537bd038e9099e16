// exp of a vector of float or double. Included by files that are compiled once per instruction set.
#if defined(BCBENCH_VECTOR_EXP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef BCBENCH_VECTOR_EXP_INL
#undef BCBENCH_VECTOR_EXP_INL
#else
#define BCBENCH_VECTOR_EXP_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace bcbench::HWY_NAMESPACE {

template <class Real>
struct ExpConstants;

template <>
struct ExpConstants<float> {
    static constexpr float lowest = -87.0F;     // below it the result is 0: no denormal numbers, which are slow
    static constexpr float shifter = 0x1.8p23F;  // x + shifter rounds x to an integer, in the low bits of the sum
    static constexpr float ln2_high = 0.693145751953125F;  // few bits: its product with an exponent is exact
    static constexpr float ln2_low = 1.428606765330187e-6F;
    static constexpr int terms = 7;  // of the Taylor series on |r| <= ln(2) / 2: the rest is below a tenth of an ulp
    static constexpr int mantissa_bits = 23;
};

template <>
struct ExpConstants<double> {
    static constexpr double lowest = -708.0;
    static constexpr double shifter = 0x1.8p52;
    static constexpr double ln2_high = 0.6931471805596629565116018;
    static constexpr double ln2_low = 0.28235290563031577122588448175e-12;
    static constexpr int terms = 13;
    static constexpr int mantissa_bits = 52;
};

/// exp(x) for x <= 0 to within 2 units in the last place; 0 below ExpConstants::lowest; NaN stays NaN.
/// x = n ln 2 + r, exp(x) = 2^n (1 + r + r^2/2! + ...).
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> exp_of_negative(D d, hwy::HWY_NAMESPACE::Vec<D> x) {
    namespace hn = hwy::HWY_NAMESPACE;
    using Real = hn::TFromD<D>;
    using Constants = ExpConstants<Real>;
    const hn::RebindToSigned<D> integers;
    const auto shifter = hn::Set(d, Constants::shifter);
    const auto shifted = hn::MulAdd(x, hn::Set(d, static_cast<Real>(1.4426950408889634)), shifter);
    const auto n = hn::Sub(shifted, shifter);
    auto r = hn::NegMulAdd(n, hn::Set(d, Constants::ln2_high), x);
    r = hn::NegMulAdd(n, hn::Set(d, Constants::ln2_low), r);
    auto sum = hn::Set(d, Real(1));
    for (int k = Constants::terms; k >= 1; --k) {  // 1 + r/1 (1 + r/2 (...)), the divisions made in the coefficients
        Real coefficient = Real(1);
        for (int i = 2; i < k; ++i) coefficient /= static_cast<Real>(i);
        if (k == Constants::terms) sum = hn::Set(d, coefficient / static_cast<Real>(k));
        sum = hn::MulAdd(sum, r, hn::Set(d, coefficient));
    }
    const auto scaled = hn::Add(hn::BitCast(integers, sum),
                                hn::ShiftLeft<Constants::mantissa_bits>(hn::BitCast(integers, shifted)));
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, Constants::lowest)), hn::BitCast(d, scaled));
}

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
