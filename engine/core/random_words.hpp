// Many random words at once, with the machine's widest vectors.
#pragma once

#include <cstdint>

#include "engine/core/random.hpp"

namespace bcbench {

/// words[i] = random_word(key, first + i) for i < count; no multiple of 2^32 lies between the first index and the last.
void random_words(Key key, std::uint64_t first, std::uint32_t count, std::uint32_t* words);

}  // namespace bcbench
