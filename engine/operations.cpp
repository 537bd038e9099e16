#include "engine/operations.hpp"

#include <atomic>
#include <cstdint>

namespace bcbench {

namespace {

std::atomic<std::uint64_t> total{0};

}  // namespace

void count_operations(double operations) {
    total.fetch_add(static_cast<std::uint64_t>(operations), std::memory_order_relaxed);
}

double operations_so_far() {
    return static_cast<double>(total.load(std::memory_order_relaxed));
}

}  // namespace bcbench
