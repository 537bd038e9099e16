#include "engine/neighbors/umap_weights.hpp"

#include <cmath>
#include <limits>
#include <numbers>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/neighbors/umap_weights.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::umap_weights::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, at_a_time>;
using Vector = hn::Vec<Doubles>;

constexpr std::size_t vectors = at_a_time / hn::MaxLanes(Doubles());
constexpr int most_steps = 64;
constexpr double tolerance = 1e-5;

/// e^x for x <= 0, 1 at 0, with an absolute error of a few 1e-16: exp2_of_negative without fused multiply-add, which
/// not every machine has, so that the bits are the same everywhere.
HWY_INLINE Vector exp_of_negative(Vector x) {
    using Constants = bcbench::HWY_NAMESPACE::Exp2Constants<double>;
    const Doubles d;
    const hn::RebindToSigned<Doubles> integers;
    const auto y = hn::Max(hn::Mul(x, hn::Set(d, std::numbers::log2e)), hn::Set(d, Constants::lowest));
    const auto shifted = hn::Add(y, hn::Set(d, Constants::shifter));
    const auto r = hn::Sub(y, hn::Sub(shifted, hn::Set(d, Constants::shifter)));
    auto sum = hn::Set(d, Constants::series[11]);
    for (int i = 10; i >= 0; --i) sum = hn::Add(hn::Mul(sum, r), hn::Set(d, Constants::series[i]));
    return hn::BitCast(d, hn::Add(hn::BitCast(integers, sum),
                                  hn::ShiftLeft<Constants::mantissa_bits>(hn::BitCast(integers, shifted))));
}

/// Eight sums side by side.
HWY_INLINE double sum_of_weights(const double* excess, std::size_t padded, double sigma) {
    const Doubles d;
    const auto factor = hn::Set(d, -1.0 / sigma);
    Vector sums[vectors];
    for (auto& sum : sums) sum = hn::Zero(d);
    for (std::size_t j = 0; j < padded; j += at_a_time) {
        for (std::size_t v = 0; v < vectors; ++v) {
            const auto value = hn::LoadU(d, excess + j + v * hn::Lanes(d));
            sums[v] = hn::Add(sums[v], exp_of_negative(hn::Mul(value, factor)));
        }
    }
    double lane[at_a_time];
    for (std::size_t v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, lane + v * hn::Lanes(d));
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

double bisected_sigma(const double* excess, std::size_t padded, double target) {
    double low = 0.0;
    double high = std::numeric_limits<double>::infinity();
    double sigma = 1.0;
    for (int step = 0; step < most_steps; ++step) {
        const double sum = sum_of_weights(excess, padded, sigma);
        if (std::abs(sum - target) < tolerance) break;
        (sum > target ? high : low) = sigma;
        sigma = std::isinf(high) ? 2.0 * sigma : 0.5 * (low + high);
    }
    return sigma;
}

void weigh(const double* excess, std::size_t padded, double sigma, double* weight) {
    const Doubles d;
    for (std::size_t j = 0; j < padded; j += hn::Lanes(d)) {
        const auto x = hn::Div(hn::Neg(hn::LoadU(d, excess + j)), hn::Set(d, sigma));
        hn::StoreU(exp_of_negative(x), d, weight + j);
    }
}

}  // namespace bcbench::umap_weights::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::umap_weights {

HWY_EXPORT(bisected_sigma);
HWY_EXPORT(weigh);

double bisected_sigma(const double* excess, std::size_t padded, double target) {
    return HWY_DYNAMIC_DISPATCH(bisected_sigma)(excess, padded, target);
}

void weigh(const double* excess, std::size_t padded, double sigma, double* weight) {
    HWY_DYNAMIC_DISPATCH(weigh)(excess, padded, sigma, weight);
}

}  // namespace bcbench::umap_weights
#endif  // HWY_ONCE
