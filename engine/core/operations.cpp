#include "engine/core/operations.hpp"

#include <atomic>

namespace bcbench {

namespace {

std::atomic<std::uint64_t> total{0};

}  // namespace

void count_operations(std::uint64_t n, std::uint64_t per_item) {
    total.fetch_add(n * per_item, std::memory_order_relaxed);
}

double operations_so_far() { return static_cast<double>(total.load(std::memory_order_relaxed)); }

}  // namespace bcbench
