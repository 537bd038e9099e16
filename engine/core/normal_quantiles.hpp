// Many normal draws at once, with the machine's widest vectors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bcbench {

/// sqrt(2) erfinv(uniform_from_word(word, low, high)), -1 < low < high <= 1: erfinv in double, rounded once, the rest
/// in float32.
float normal_quantile(std::uint32_t word, float low, float high);

/// draws[i] = clamp(normal_quantile(words[i], low, high), -bound, bound) for i < count.
void normal_quantiles(const std::uint32_t* words, std::size_t count, float low, float high, float bound, float* draws);

}  // namespace bcbench
