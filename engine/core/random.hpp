// Counter-based random numbers: Threefry-2x32-20 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
// A draw depends on its key and its index alone, never on what was drawn before.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

struct Key {
    std::uint32_t high = 0;
    std::uint32_t low = 0;

    friend bool operator==(const Key&, const Key&) = default;
};

/// The block function: 20 rounds of Threefry-2x32 over `counter` under `key`.
Key threefry(Key key, Key counter);

/// The key of a seed: its high and low 32 bits.
Key make_key(std::uint64_t seed);

/// A new key from `key` and a number: block(key, (0, number)).
Key fold_in(Key key, std::uint32_t number);

/// `count` independent keys: block(key, (0, i)).
std::vector<Key> split(Key key, std::uint32_t count);

/// Word i of the random words of `key`: the two output words of block(key, (i >> 32, i)) xored.
std::uint32_t random_word(Key key, std::uint64_t index);

/// A float32 in [low, high) from the top 23 bits of a word; every step is rounded to float32.
float uniform_from_word(std::uint32_t word, float low, float high);

/// Standard normal draws: sqrt(2) erfinv(uniform(-1, 1)). [rows x columns], filled in memory order.
Matrix<float> normal(Key key, arma::uword rows, arma::uword columns);

/// Normal draws truncated to the open interval (-2, 2). [rows x columns], filled in memory order.
Matrix<float> truncated_normal(Key key, arma::uword rows, arma::uword columns);

/// The indices 0..n-1 in random order: sorted by their random words, ties by index.
std::vector<std::uint32_t> permutation(Key key, std::uint32_t n);

/// The keys of a seed in order of request: the i-th request yields fold_in(make_key(seed), i).
class Stream {
  public:
    explicit Stream(std::uint64_t seed) : key_(make_key(seed)) {}
    Key next() { return fold_in(key_, requests_++); }

  private:
    Key key_;
    std::uint32_t requests_ = 0;
};

}  // namespace bcbench
