#include "engine/core/random.hpp"

#include <Random123/threefry.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/core/normal_quantiles.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random_words.hpp"

namespace bcbench {

Key threefry(Key key, Key counter) {
    const threefry2x32_ctr_t output =
        threefry2x32_R(20, threefry2x32_ctr_t{{counter.high, counter.low}}, threefry2x32_key_t{{key.high, key.low}});
    return {output.v[0], output.v[1]};
}

Key make_key(std::uint64_t seed) { return {static_cast<std::uint32_t>(seed >> 32), static_cast<std::uint32_t>(seed)}; }

Key fold_in(Key key, std::uint32_t number) { return threefry(key, {0, number}); }

std::vector<Key> split(Key key, std::uint32_t count) {
    std::vector<Key> keys(count);
    for (std::uint32_t i = 0; i < count; ++i) keys[i] = threefry(key, {0, i});
    return keys;
}

std::uint32_t random_word(Key key, std::uint64_t index) {
    const Key output = threefry(key, make_key(index));
    return output.high ^ output.low;
}

float uniform_from_word(std::uint32_t word, float low, float high) {
    const float in_one_two = std::bit_cast<float>((word >> 9) | 0x3f800000U);
    return std::max(low, (in_one_two - 1.0F) * (high - low) + low);
}

namespace {

constexpr std::size_t draws_at_a_time = 1 << 12;

// Each draw depends on key and index alone, so that threads may share them. [rows x columns]
Matrix<float> drawn(Key key, arma::uword rows, arma::uword columns, float low, float high, float bound) {
    Matrix<float> draws(rows, columns, arma::fill::none);
    const Tiles tiles{draws.n_elem, draws_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::uint32_t words[draws_at_a_time];
        const std::size_t first = tiles.first(tile);
        const std::size_t count = tiles.size(tile);
        random_words(key, first, static_cast<std::uint32_t>(count), words);
        normal_quantiles(words, count, low, high, bound, draws.memptr() + first);
    });
    return draws;
}

}  // namespace

Matrix<float> normal(Key key, arma::uword rows, arma::uword columns) {
    const float low = std::nextafter(-1.0F, 0.0F);
    return drawn(key, rows, columns, low, 1.0F, std::numeric_limits<float>::infinity());
}

Matrix<float> truncated_normal(Key key, arma::uword rows, arma::uword columns) {
    const float high = std::erf(std::sqrt(2.0F));
    const float bound = std::nextafter(2.0F, 0.0F);
    return drawn(key, rows, columns, -high, high, bound);
}

std::vector<std::uint32_t> permutation(Key key, std::uint32_t n) {
    std::vector<std::uint64_t> tagged(n);
    for (std::uint32_t i = 0; i < n; ++i) tagged[i] = (std::uint64_t{random_word(key, i)} << 32) | i;
    std::sort(tagged.begin(), tagged.end());
    std::vector<std::uint32_t> order(n);
    std::transform(tagged.begin(), tagged.end(), order.begin(),
                   [](std::uint64_t value) { return static_cast<std::uint32_t>(value); });
    return order;
}

}  // namespace bcbench
