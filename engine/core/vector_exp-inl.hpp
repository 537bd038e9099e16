// 2^x of a vector of float or double. Included by files that are compiled once per instruction set.
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

/// `series` is the polynomial that equals 2^r at the Chebyshev nodes of [-1/2, 1/2], lowest power first; its relative
/// error is below 3e-9 (float) and 5e-18 (double), a small part of half a unit in the last place.
template <class Real>
struct Exp2Constants;

template <>
struct Exp2Constants<float> {
    static constexpr float lowest = -126.0F;     // below it the result is 0: no denormal numbers, which are slow
    static constexpr float shifter = 0x1.8p23F;  // x + shifter rounds x to an integer, in the low bits of the sum
    static constexpr int mantissa_bits = 23;
    static constexpr float series[] = {1.0F,
                                       0.69314720670283259577F,
                                       0.24022650922288758071F,
                                       0.055503272266703020589F,
                                       0.0096180566785246380754F,
                                       0.001340042817761583794F,
                                       0.00015461444698569129083F};
};

template <>
struct Exp2Constants<double> {
    static constexpr double lowest = -1022.0;
    static constexpr double shifter = 0x1.8p52;
    static constexpr int mantissa_bits = 52;
    static constexpr double series[] = {1.0,
                                        0.69314718055994530925,
                                        0.24022650695910159567,
                                        0.055504108664821627039,
                                        0.0096181291075872566681,
                                        0.0013333558146406470697,
                                        0.00015403530463724354209,
                                        0.000015252733841556772589,
                                        1.3215432535912376166e-6,
                                        1.0178057087733941105e-7,
                                        7.0741942972885210056e-9,
                                        4.455817908336064493e-10};
};

/// 2^x for x <= 0 to within 1.1 units in the last place (1.5 without fused multiply-add); 1 at 0; 0 below
/// Exp2Constants::lowest; the NaN that arithmetic makes stays NaN. 2^x = 2^n 2^r, n the nearest integer, so that r = x
/// - n is exact.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> exp2_of_negative(D d, hwy::HWY_NAMESPACE::Vec<D> x) {
    namespace hn = hwy::HWY_NAMESPACE;
    using Constants = Exp2Constants<hn::TFromD<D>>;
    const hn::RebindToSigned<D> integers;
    const auto shifter = hn::Set(d, Constants::shifter);
    const auto shifted = hn::Add(x, shifter);
    const auto r = hn::Sub(x, hn::Sub(shifted, shifter));
    constexpr std::size_t terms = sizeof(Constants::series) / sizeof(Constants::series[0]);
    auto sum = hn::Set(d, Constants::series[terms - 1]);
    for (std::size_t k = terms - 1; k-- > 0;) sum = hn::MulAdd(sum, r, hn::Set(d, Constants::series[k]));
    const auto scaled =
        hn::Add(hn::BitCast(integers, sum), hn::ShiftLeft<Constants::mantissa_bits>(hn::BitCast(integers, shifted)));
    return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, Constants::lowest)), hn::BitCast(d, scaled));
}

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
