// How many floating-point operations the engine has done: those of its products, distances and kernel sums, as their
// definitions have them (a multiply-add is two); exp, softmax and everything of lower order are left out.
#pragma once

namespace bcbench {

/// Adds to the count. Products call it once each, not once per entry; safe from several threads.
void count_operations(double operations);

/// Operations of this process so far; only differences mean something.
double operations_so_far();

}  // namespace bcbench
