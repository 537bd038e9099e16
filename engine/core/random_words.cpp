#include "engine/core/random_words.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/core/random_words.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bcbench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// One round of Threefry-2x32: add, rotate, mix.
template <int Rotation, class V>
HWY_INLINE void mix(V& high, V& low) {
    high = hn::Add(high, low);
    low = hn::Xor(hn::RotateRight<32 - Rotation>(low), high);
}

/// threefry(key, (counter_high, counter)), its two words xored (Salmon et al. 2011: rotations, and a key injection
/// every 4 rounds).
template <class D, class V>
HWY_INLINE V word(D d, Key key, std::uint32_t counter_high, V counter) {
    const std::uint32_t keys[3] = {key.high, key.low, 0x1BD11BDAU ^ key.high ^ key.low};
    V high = hn::Set(d, keys[0] + counter_high);
    V low = hn::Add(counter, hn::Set(d, keys[1]));
    for (std::uint32_t group = 1; group <= 5; ++group) {
        if (group % 2 == 1) {
            mix<13>(high, low);
            mix<15>(high, low);
            mix<26>(high, low);
            mix<6>(high, low);
        } else {
            mix<17>(high, low);
            mix<29>(high, low);
            mix<16>(high, low);
            mix<24>(high, low);
        }
        high = hn::Add(high, hn::Set(d, keys[group % 3]));
        low = hn::Add(low, hn::Set(d, keys[(group + 1) % 3] + group));
    }
    return hn::Xor(high, low);
}

void words_from(Key key, std::uint64_t first, std::uint32_t count, std::uint32_t* words) {
    const hn::ScalableTag<std::uint32_t> integers;
    const auto lanes = static_cast<std::uint32_t>(hn::Lanes(integers));
    std::uint32_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const Key counter = make_key(first + i);
        hn::StoreU(word(integers, key, counter.high, hn::Iota(integers, counter.low)), integers, words + i);
    }
    for (; i < count; ++i) words[i] = random_word(key, first + i);
}

}  // namespace bcbench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench {

HWY_EXPORT(words_from);

void random_words(Key key, std::uint64_t first, std::uint32_t count, std::uint32_t* words) {
    HWY_DYNAMIC_DISPATCH(words_from)(key, first, count, words);
}

}  // namespace bcbench
#endif  // HWY_ONCE
