#include "engine/neighbors/distance.hpp"

#include <algorithm>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/neighbors/distance.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::neighbor_search::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;

HWY_INLINE hn::Vec<Doubles> load(const double* values) { return hn::LoadU(Doubles(), values); }

HWY_INLINE hn::Vec<Doubles> load(const float* values) {
    return hn::PromoteTo(Doubles(), hn::LoadU(hn::Rebind<float, Doubles>(), values));
}

/// The squares of `buffer_size` features side by side, then their sum one after the other.
template <class Real>
HWY_INLINE double squared_distance(const Real* x, const Real* y, std::size_t n_features) {
    constexpr std::size_t buffer_size = 64;
    HWY_ALIGN double squares[buffer_size];
    const Doubles doubles;
    double sum = 0.0;
    for (std::size_t first = 0; first < n_features; first += buffer_size) {
        const std::size_t count = std::min(buffer_size, n_features - first);
        std::size_t f = 0;
        for (; f + hn::Lanes(doubles) <= count; f += hn::Lanes(doubles)) {
            const auto difference = hn::Sub(load(x + first + f), load(y + first + f));
            hn::Store(hn::Mul(difference, difference), doubles, squares + f);
        }
        for (; f < count; ++f) {
            const double difference = static_cast<double>(x[first + f]) - static_cast<double>(y[first + f]);
            squares[f] = difference * difference;
        }
        for (f = 0; f < count; ++f) sum += squares[f];
    }
    return sum;
}

double squared_distance_of_floats(const float* x, const float* y, std::size_t n_features) {
    return squared_distance(x, y, n_features);
}

double squared_distance_of_doubles(const double* x, const double* y, std::size_t n_features) {
    return squared_distance(x, y, n_features);
}

}  // namespace bcbench::neighbor_search::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::neighbor_search {

HWY_EXPORT(squared_distance_of_floats);
HWY_EXPORT(squared_distance_of_doubles);

template <>
double squared_distance(const float* x, const float* y, std::size_t n_features) {
    return HWY_DYNAMIC_DISPATCH(squared_distance_of_floats)(x, y, n_features);
}

template <>
double squared_distance(const double* x, const double* y, std::size_t n_features) {
    return HWY_DYNAMIC_DISPATCH(squared_distance_of_doubles)(x, y, n_features);
}

}  // namespace bcbench::neighbor_search
#endif  // HWY_ONCE
