// What changes along a training: the learning rate, and the bandwidth of an annealed kernel.
#pragma once

#include <cstdint>

namespace bcbench::schedule {

enum class Shape { constant, linear, cosine };
constexpr const char* words_of(Shape) { return "constant linear cosine"; }

/// The share of the learning rate that update `step` of 0 .. n_steps-1 uses. The first `warmup` updates rise linearly,
/// (step + 1) / warmup; over the others p runs from 0 towards 1, and the share is 1 (constant), 1 - p (linear) or
/// (1 + cos(pi p)) / 2 (cosine).
double rate_factor(Shape shape, std::int64_t step, std::int64_t n_steps, std::int64_t warmup);

/// A factor that falls geometrically from `start` at step 0 to 1 at 70 % of the steps, and stays there.
double annealed(double start, std::int64_t step, std::int64_t n_steps);

}  // namespace bcbench::schedule
