#include "engine/neighbors/largest.hpp"

#include <algorithm>

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/neighbors/largest.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::neighbor_search::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Int32s = hn::ScalableTag<std::int32_t>;

/// Appends the entries of `values` [count] that exceed `limit` to `kept`, where there is room for a vector more. May
/// run in place. Returns how many they are.
std::size_t keep_above(const std::int32_t* values, std::size_t count, std::int32_t limit, std::int32_t* kept) {
    const Int32s ints;
    const auto limits = hn::Set(ints, limit);
    std::size_t n_kept = 0;
    std::size_t i = 0;
    for (; i + hn::Lanes(ints) <= count; i += hn::Lanes(ints)) {
        const auto value = hn::LoadU(ints, values + i);
        const auto above = hn::Gt(value, limits);
        if (!hn::AllFalse(ints, above)) n_kept += hn::CompressStore(value, above, ints, kept + n_kept);
    }
    for (; i < count; ++i) {
        const std::int32_t value = values[i];
        if (value > limit) kept[n_kept++] = value;
    }
    return n_kept;
}

HWY_INLINE std::size_t count_above(const std::int32_t* values, std::size_t count, std::int32_t limit) {
    const Int32s ints;
    const auto limits = hn::Set(ints, limit);
    std::size_t above = 0;
    std::size_t i = 0;
    for (; i + hn::Lanes(ints) <= count; i += hn::Lanes(ints)) {
        above += hn::CountTrue(ints, hn::Gt(hn::LoadU(ints, values + i), limits));
    }
    for (; i < count; ++i) above += values[i] > limit ? 1 : 0;
    return above;
}

/// The highest limit that `wanted` to wanted + spare of the values exceed, by bisection between `low`, which at least
/// `wanted` exceed, and the largest value; with no room to spare, or with ties, the highest that at least `wanted`
/// exceed.
std::int32_t highest_limit(const std::int32_t* values, std::size_t count, std::int32_t low, std::size_t wanted,
                           std::size_t spare) {
    std::int64_t at_least = low;
    std::int64_t too_high = *std::max_element(values, values + count);
    while (too_high - at_least > 1) {
        const std::int64_t middle = at_least + (too_high - at_least) / 2;
        const std::size_t above = count_above(values, count, static_cast<std::int32_t>(middle));
        (above >= wanted ? at_least : too_high) = middle;
        if (spare > 0 && above >= wanted && above <= wanted + spare) break;
    }
    return static_cast<std::int32_t>(at_least);
}

}  // namespace bcbench::neighbor_search::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::neighbor_search {

namespace {

HWY_EXPORT(keep_above);
HWY_EXPORT(highest_limit);

constexpr std::size_t vector_room = 64;  // at least one vector of the longest kind

}  // namespace

Largest::Largest(std::size_t wanted, std::size_t longest)
    : wanted_(wanted), values_(2 * wanted + longest + vector_room) {}

void Largest::offer(const std::int32_t* values, std::size_t count) {
    size_ += HWY_DYNAMIC_DISPATCH(keep_above)(values, count, limit_, values_.data() + size_);
    if (size_ >= 2 * wanted_) cut(wanted_ / 8);
}

std::int32_t Largest::bound() {
    cut(0);
    return limit_ + 1;
}

/// Raises the limit and drops what is not above it; at most `spare` more than wanted are left.
void Largest::cut(std::size_t spare) {
    limit_ = HWY_DYNAMIC_DISPATCH(highest_limit)(values_.data(), size_, limit_, wanted_, spare);
    size_ = HWY_DYNAMIC_DISPATCH(keep_above)(values_.data(), size_, limit_, values_.data());
    if (size_ <= wanted_ + spare) return;
    // too many are the limit + 1: as few of these as are wanted
    const std::size_t above = HWY_DYNAMIC_DISPATCH(keep_above)(values_.data(), size_, limit_ + 1, values_.data());
    std::fill(values_.begin() + static_cast<std::ptrdiff_t>(above),
              values_.begin() + static_cast<std::ptrdiff_t>(wanted_), limit_ + 1);
    size_ = wanted_;
}

}  // namespace bcbench::neighbor_search
#endif  // HWY_ONCE
