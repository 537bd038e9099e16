#include "engine/methods/harmony/objective.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace bcbench::harmony {

namespace {

/// log2 of E/(O + E) or its smoothed form; 0 for an empty cluster.
double log_ratio(double expected, double observed, Variant variant) {
    if (variant == Variant::harmony2) return std::log2((2.0 * expected + 1.0) / (observed + expected + 1.0));
    if (!(observed + expected > 0.0)) return 0.0;
    return std::log2(std::max(expected / (observed + expected), std::numeric_limits<double>::min()));
}

}  // namespace

template <class Real>
double log_penalty(const State<Real>& state, std::size_t cluster, std::uint32_t level) {
    return state.problem.theta[level] *
           log_ratio(state.problem.share[level] * state.mass[cluster], state.observed(cluster, level), state.variant);
}

template <class Real>
Objective objective(const State<Real>& state, const SoftParts& parts) {
    const Problem& problem = state.problem;
    double diversity = 0.0;
    for (std::size_t b = 0; b < problem.levels.levels.size(); ++b) {
        for (std::size_t k = 0; k < problem.n_clusters; ++k) {
            diversity -= problem.sigma[k] * state.observed(k, b) * log_penalty(state, k, static_cast<std::uint32_t>(b));
        }
    }
    const double scale = 2000.0 / static_cast<double>(problem.levels.n_cells());
    return {-scale * std::numbers::ln2 * parts.logit, scale * std::numbers::ln2 * parts.entropy,
            scale * std::numbers::ln2 * diversity};
}

bool rounds_have_converged(const std::vector<Objective>& values, std::int64_t rounds, double epsilon, Variant variant) {
    const std::size_t last = values.size() - 1;
    if (rounds < 5 || last < 3) return false;
    const auto sum_to = [&values](std::size_t end) {
        return values[end - 2].total() + values[end - 1].total() + values[end].total();
    };
    const double before = sum_to(last - 1);
    const double after = sum_to(last);
    const double change = variant == Variant::harmony1 ? before - after : std::abs(before - after);
    return before == 0.0 ? change == 0.0 : change / std::abs(before) < epsilon;
}

#define BCBENCH_INSTANTIATE(Real)                                                \
    template double log_penalty(const State<Real>&, std::size_t, std::uint32_t); \
    template Objective objective(const State<Real>&, const SoftParts&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::harmony
