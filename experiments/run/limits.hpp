// The limits of a point, asked at the engine's checkpoints (engine/core/checkpoint.hpp): between tiles of parallel
// loops, between training steps and between stages. What happens between two checkpoints is not cut short,
// and one request for more memory than the machine has fails by itself.
#pragma once

#include <functional>
#include <stdexcept>

#include "experiments/config/config.hpp"

namespace bcbench {

/// The point needs more time or memory than the config allows.
struct LimitError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a checkpoint of a point asks: throws Interrupted after a signal, LimitError once more than
/// max_seconds have passed since this call, or while the process holds more than `jobs` times
/// max_memory_bytes, since the `jobs` points that run at a time share one process. Memory is looked at every
/// few milliseconds.
std::function<void()> ask_limits(const Limits& limits, unsigned jobs);

}  // namespace bcbench
