// Step 3 of the neighbour search: the distance as it is defined.
#pragma once

#include <cstddef>

namespace bcbench::neighbor_search {

/// The sum over features, in order, of (x - y)^2 in double; bit for bit the same on every machine. x, y:
/// [n_features].
template <class Real>
double squared_distance(const Real* x, const Real* y, std::size_t n_features);

}  // namespace bcbench::neighbor_search
