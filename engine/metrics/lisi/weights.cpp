#include "engine/metrics/lisi/weights.hpp"

#include <algorithm>
#include <cmath>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/metrics/lisi/weights.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/core/vector_exp-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace bcbench::lisi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;

constexpr double log2_of_e = 1.4426950408889634074;

/// The distances from `first` on; behind the last one such that are too far to weigh anything.
HWY_INLINE hn::Vec<Doubles> distances_from(const double* distance, std::size_t first, std::size_t count) {
    const Doubles doubles;
    if (first + hn::Lanes(doubles) <= count) return hn::LoadU(doubles, distance + first);
    HWY_ALIGN double rest[HWY_MAX_BYTES / sizeof(double)];
    std::fill(rest, rest + hn::Lanes(doubles), 1e300);
    std::copy(distance + first, distance + count, rest);
    return hn::Load(doubles, rest);
}

struct Sums {
    double weight;    // S
    double distance;  // sum of d_j exp(-beta d_j)
};

HWY_INLINE Sums sums_of(const double* distance, std::size_t count, double beta) {
    const Doubles doubles;
    const auto factor = hn::Set(doubles, -beta * log2_of_e);
    auto weights = hn::Zero(doubles);
    auto distances = hn::Zero(doubles);
    for (std::size_t first = 0; first < count; first += hn::Lanes(doubles)) {
        const auto d = distances_from(distance, first, count);
        const auto weight = bcbench::HWY_NAMESPACE::exp2_of_negative(doubles, hn::Mul(factor, d));
        weights = hn::Add(weights, weight);
        distances = hn::MulAdd(d, weight, distances);
    }
    return {hn::GetLane(hn::SumOfLanes(doubles, weights)), hn::GetLane(hn::SumOfLanes(doubles, distances))};
}

double solve_beta(const double* distance, std::size_t count, double log_perplexity) {
    double lower = -1.0, upper = -1.0;  // negative: not known yet
    double beta = 1.0;
    for (int update = 0;; ++update) {
        const Sums sums = sums_of(distance, count, beta);
        const double entropy = sums.weight > 0.0 ? std::log(sums.weight) + beta * sums.distance / sums.weight : 0.0;
        if (std::abs(entropy - log_perplexity) < 1e-5 || update == 50) return beta;
        if (entropy > log_perplexity) {
            lower = beta;
            beta = upper < 0.0 ? 2.0 * beta : (beta + upper) / 2.0;
        } else {
            upper = beta;
            beta = lower < 0.0 ? beta / 2.0 : (beta + lower) / 2.0;
        }
    }
}

bool weights_of(const double* distance, std::size_t count, double beta, double* p) {
    const double sum = sums_of(distance, count, beta).weight;
    if (!(sum > 0.0)) return false;
    const Doubles doubles;
    const auto factor = hn::Set(doubles, -beta * log2_of_e);
    HWY_ALIGN double rest[HWY_MAX_BYTES / sizeof(double)];
    for (std::size_t first = 0; first < count; first += hn::Lanes(doubles)) {
        const auto weight =
            bcbench::HWY_NAMESPACE::exp2_of_negative(doubles, hn::Mul(factor, distances_from(distance, first, count)));
        hn::Store(hn::Div(weight, hn::Set(doubles, sum)), doubles, rest);
        std::copy(rest, rest + std::min(hn::Lanes(doubles), count - first), p + first);
    }
    return true;
}

}  // namespace bcbench::lisi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::lisi {

HWY_EXPORT(solve_beta);
HWY_EXPORT(weights_of);

double solve_beta(const double* distance, std::size_t count, double log_perplexity) {
    return HWY_DYNAMIC_DISPATCH(solve_beta)(distance, count, log_perplexity);
}

bool weights_of(const double* distance, std::size_t count, double beta, double* p) {
    return HWY_DYNAMIC_DISPATCH(weights_of)(distance, count, beta, p);
}

}  // namespace bcbench::lisi
#endif  // HWY_ONCE
