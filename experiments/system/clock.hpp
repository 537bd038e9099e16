// The one place that reads the clock.
#pragma once

#include <chrono>
#include <thread>

namespace bcbench {

/// Seconds since an arbitrary start; only differences mean something.
inline double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Waits.
inline void wait_seconds(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// Waits on a condition variable until `holds` does or `seconds` have passed; whether it holds.
template <class Condition, class Lock, class Holds>
bool wait_seconds(Condition& condition, Lock& lock, double seconds, const Holds& holds) {
    return condition.wait_for(lock, std::chrono::duration<double>(seconds), holds);
}

}  // namespace bcbench
