#include "experiments/run/limits.hpp"

#include <malloc.h>

#include <atomic>
#include <memory>

#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

constexpr double seconds_between_looks = 0.002;

// Freed memory that the allocator keeps counts as used until it is given back.
bool holds_more_than(std::uint64_t bytes) {
    if (resident_bytes() <= bytes) return false;
    malloc_trim(0);
    return resident_bytes() > bytes;
}

}  // namespace

std::string takes_longer_than(double max_seconds) {
    return "takes longer than limits.max_seconds = " + number_text(max_seconds);
}

std::function<void()> ask_limits(const Limits& limits, unsigned jobs) {
    const double start = seconds_now();
    const auto last_look = std::make_shared<std::atomic<double>>(-seconds_between_looks);
    return [limits, jobs, start, last_look] {
        const double passed = seconds_now() - start;
        if (is_interrupted()) throw Interrupted{};
        if (limits.max_seconds && passed > *limits.max_seconds) {
            throw LimitError(takes_longer_than(*limits.max_seconds));
        }
        if (!limits.max_memory_bytes || passed - *last_look < seconds_between_looks) return;
        *last_look = passed;
        if (holds_more_than(*limits.max_memory_bytes * jobs)) {
            throw LimitError("needs more memory than limits.max_memory_bytes = " +
                             std::to_string(*limits.max_memory_bytes));
        }
    };
}

}  // namespace bcbench
