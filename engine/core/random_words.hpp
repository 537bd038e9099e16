// Many random words at once, with the machine's widest vectors.
#pragma once

#include <cstdint>

#include "engine/core/random.hpp"

namespace bcbench {

/// words[i] = random_word(key, first + i) for i < count; first + count <= 2^32.
void random_words(Key key, std::uint32_t first, std::uint32_t count, std::uint32_t* words);

}  // namespace bcbench
