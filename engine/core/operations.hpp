// How many floating-point operations the engine has done: those of its products, distances and kernel sums, as their
// definitions have them (a multiply-add is two); exp, softmax and everything of lower order are left out.
#pragma once

#include <cstdint>

namespace bcbench {

/// Adds `per_item` operations for each of `n` items (cells, pairs of cells). Called once per product, not per entry;
/// safe from several threads.
void count_operations(std::uint64_t n, std::uint64_t per_item);

/// Operations of this process so far; only differences mean something.
double operations_so_far();

}  // namespace bcbench
