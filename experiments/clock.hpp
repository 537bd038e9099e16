// The one place that reads the clock.
#pragma once

#include <chrono>

namespace bcbench {

/// Seconds since an arbitrary start; only differences mean something.
inline double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace bcbench
