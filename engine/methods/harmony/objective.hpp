// The penalty and the objective of harmony.
#pragma once

#include "engine/methods/harmony/state.hpp"

namespace bcbench::harmony {

/// theta_b log2 of the penalty's ratio: (2 E + 1)/(O + E + 1), harmony1: E/(O + E), 1 where both are 0.
template <class Real>
double log_penalty(const State<Real>& state, std::size_t cluster, std::uint32_t level);

/// The objective from the sums over cells and from E and O.
template <class Real>
Objective objective(const State<Real>& state, const SoftParts& parts);

/// Whether the rounds of an iteration end: from the fifth on, when the sum of three values changes by less than
/// `epsilon` of itself. harmony1 counts only a fall as change.
bool rounds_have_converged(const std::vector<Objective>& values, std::int64_t rounds, double epsilon, Variant variant);

}  // namespace bcbench::harmony
