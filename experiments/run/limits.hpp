// The limits of a point, asked at the engine's checkpoints (engine/core/checkpoint.hpp): between tiles of parallel
// loops, between training steps and between stages; a point that reaches none is given up from outside (workers.hpp).
// One request for more memory than the machine has fails by itself.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "experiments/config/config.hpp"

namespace bcbench {

/// The point needs more time or memory than the config allows.
struct LimitError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// How much longer than its time, or after a signal, a point may take to reach a checkpoint.
inline constexpr double grace_seconds = 5.0;

/// "takes longer than limits.max_seconds = 2"
std::string takes_longer_than(double max_seconds);

/// What a checkpoint of a point asks: throws Interrupted after a signal, LimitError once more than
/// max_seconds have passed since this call, or while the process holds more than `jobs` times
/// max_memory_bytes, since the `jobs` points that run at a time share one process. Memory is looked at every
/// few milliseconds.
std::function<void()> ask_limits(const Limits& limits, unsigned jobs);

}  // namespace bcbench
