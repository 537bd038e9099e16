#include <hwy/targets.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "engine/core/normal_quantiles.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/core/random_words.hpp"
#include "tests/support/golden.hpp"

using namespace bcbench;
using bcbench::testing::golden;

namespace {

std::uint32_t word(const nlohmann::json& hex) {
    return static_cast<std::uint32_t>(std::stoul(hex.get<std::string>(), nullptr, 16));
}
Key key_of(const nlohmann::json& pair) { return {word(pair[0]), word(pair[1])}; }

// Distance in units of the last place of float32.
float ulps(float a, float b) { return std::abs(a - b) / (std::nextafter(std::abs(b), INFINITY) - std::abs(b)); }

}  // namespace

TEST_CASE("threefry gives the known answers", "[random][golden]") {
    for (const auto& known : golden()["threefry2x32"]) {
        REQUIRE(threefry(key_of(known["key"]), key_of(known["counter"])) == key_of(known["output"]));
    }
}

TEST_CASE("keys split, fold and stream as documented", "[random][golden]") {
    const auto keys = split(make_key(42), 5);
    for (std::size_t i = 0; i < 5; ++i) REQUIRE(keys[i] == key_of(golden()["split_key42_5"][i]));
    REQUIRE(fold_in(keys[0], 0) == key_of(golden()["fold_in_k1_0"]));
    Stream stream(0);
    for (const auto& expected : golden()["stream_seed0_first3"]) REQUIRE(stream.next() == key_of(expected));
    REQUIRE(make_key(0x123456789abcdef0ULL) == Key{0x12345678U, 0x9abcdef0U});
}

TEST_CASE("random words and uniform draws are exact", "[random][golden]") {
    for (std::size_t i = 0; i < 6; ++i) {
        const std::uint32_t bits = random_word(make_key(42), i);
        REQUIRE(bits == word(golden()["bits_key42_6"][i]));
        REQUIRE(uniform_from_word(bits, 0.0F, 1.0F) == golden()["uniform01_key42_6"][i].get<float>());
    }
}

TEST_CASE("normal and truncated normal draws agree to 1 ulp", "[random][golden]") {
    const auto normals = normal(make_key(42), 6, 1);
    const auto truncated = truncated_normal(make_key(42), 6, 1);
    for (arma::uword i = 0; i < 6; ++i) {
        REQUIRE(ulps(normals[i], golden()["normal_key42_6"][i].get<float>()) <= 1.0F);
        REQUIRE(ulps(truncated[i], golden()["truncated_normal_key42_6"][i].get<float>()) <= 1.0F);
    }
}

TEST_CASE("many draws at once are the draws one by one, of every word, with every instruction set", "[random]") {
    // a draw is decided by the top 23 bits of its word
    constexpr std::uint32_t n = 1U << 23;
    std::vector<std::uint32_t> words(n);
    for (std::uint32_t i = 0; i < n; ++i) words[i] = i << 9;
    const float infinity = std::numeric_limits<float>::infinity();
    for (const auto& [low, high, bound] :
         {std::tuple{std::nextafter(-1.0F, 0.0F), 1.0F, infinity},
          std::tuple{-std::erf(std::sqrt(2.0F)), std::erf(std::sqrt(2.0F)), std::nextafter(2.0F, 0.0F)}}) {
        std::vector<float> expected(n);
        for (std::uint32_t i = 0; i < n; ++i) {
            expected[i] = std::clamp(normal_quantile(words[i], low, high), -bound, bound);
        }
        const auto available = hwy::SupportedTargets();
        for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3}) {
            if ((available & target) == 0) continue;
            hwy::SetSupportedTargetsForTest(target);
            std::vector<float> draws(n);
            normal_quantiles(words.data(), n, low, high, bound, draws.data());
            std::size_t n_others = 0;
            for (std::uint32_t i = 0; i < n; ++i) n_others += draws[i] == expected[i] ? 0 : 1;
            INFO(hwy::TargetName(target));
            CHECK(n_others == 0);
            std::vector<float> rest(5);  // fewer than fill a vector
            normal_quantiles(words.data() + n / 3, rest.size(), low, high, bound, rest.data());
            CHECK(std::equal(rest.begin(), rest.end(), expected.begin() + n / 3));
        }
        hwy::SetSupportedTargetsForTest(0);
    }
}

TEST_CASE("random words beyond 2^32", "[random]") {
    std::vector<std::uint32_t> words(100);
    const std::uint64_t first = (std::uint64_t{5} << 32) + 12345;
    random_words(make_key(9), first, 100, words.data());
    for (std::size_t i = 0; i < words.size(); ++i) REQUIRE(words[i] == random_word(make_key(9), first + i));
}

TEST_CASE("draws have the moments of their distributions", "[random]") {
    const auto normals = arma::conv_to<arma::vec>::from(arma::vectorise(normal(make_key(7), 1000, 100)));
    // 1e5 draws: the mean has sd 0.0032, the variance 0.0045; five of these
    REQUIRE(std::abs(arma::mean(normals)) < 0.016);
    REQUIRE(std::abs(arma::var(normals) - 1.0) < 0.023);
    const auto truncated = arma::conv_to<arma::vec>::from(arma::vectorise(truncated_normal(make_key(7), 1000, 100)));
    REQUIRE(arma::abs(truncated).max() < 2.0);
    REQUIRE(std::abs(arma::stddev(truncated) - 0.87962566103423978) < 0.01);
}

TEST_CASE("a draw depends on key and index alone", "[random][threads]") {
    const auto few = normal(make_key(3), 5, 2);
    const auto many = normal(make_key(3), 5, 40);
    REQUIRE(arma::approx_equal(few, many.head_cols(2), "absdiff", 0.0));
    const auto alone = normal(make_key(3), 5, 10000);
    set_thread_count(3);
    const auto together = normal(make_key(3), 5, 10000);
    set_thread_count(1);
    REQUIRE(arma::approx_equal(together, alone, "absdiff", 0.0));
    REQUIRE(arma::approx_equal(few, alone.head_cols(2), "absdiff", 0.0));
}

TEST_CASE("a permutation holds every index once", "[random]") {
    const auto order = permutation(make_key(11), 257);
    REQUIRE(std::set<std::uint32_t>(order.begin(), order.end()).size() == 257);
    REQUIRE(*std::max_element(order.begin(), order.end()) == 256);
    REQUIRE(order != permutation(make_key(12), 257));
}
