#include "engine/core/random.hpp"

#include <Random123/threefry.h>

#include <algorithm>
#include <bit>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/core/parallel.hpp"

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

constexpr std::size_t draws_at_a_time = 1 << 14;

// In double itself: Boost's default would compute in long double, at three times the cost, to round to float in the
// end.
using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

// sqrt(2) erfinv(uniform(low, high)), with the inverse error function in double, rounded once.
float normal_quantile(std::uint32_t word, float low, float high) {
    const double uniform = uniform_from_word(word, low, high);
    return std::sqrt(2.0F) * static_cast<float>(boost::math::erf_inv(uniform, InDouble()));
}

// draw(word i) at place i. Each depends on key and index alone, so that threads may share them. [rows x columns]
template <class Draw>
Matrix<float> drawn(Key key, arma::uword rows, arma::uword columns, const Draw& draw) {
    Matrix<float> draws(rows, columns, arma::fill::none);
    const Tiles tiles{draws.n_elem, draws_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            draws.memptr()[i] = draw(random_word(key, i));
        }
    });
    return draws;
}

}  // namespace

Matrix<float> normal(Key key, arma::uword rows, arma::uword columns) {
    const float low = std::nextafter(-1.0F, 0.0F);
    return drawn(key, rows, columns, [low](std::uint32_t word) { return normal_quantile(word, low, 1.0F); });
}

Matrix<float> truncated_normal(Key key, arma::uword rows, arma::uword columns) {
    const float high = std::erf(std::sqrt(2.0F));
    const float bound = std::nextafter(2.0F, 0.0F);
    return drawn(key, rows, columns, [high, bound](std::uint32_t word) {
        return std::clamp(normal_quantile(word, -high, high), -bound, bound);
    });
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
