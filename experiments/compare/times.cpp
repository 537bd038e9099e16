#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "experiments/compare/compare.hpp"
#include "experiments/compare/statistics.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

// Repeats on each side from which on `n_tests` tests can come out significant.
std::size_t repeats_needed(std::size_t n_tests) {
    std::size_t n = 2;
    while (smallest_mann_whitney(n, n) * static_cast<double>(n_tests) >= significance) ++n;
    return n;
}

bool can_tell(const TimeChange& time, std::size_t n_tests) {
    const auto tests = static_cast<double>(std::max<std::size_t>(1, n_tests));
    return smallest_mann_whitney(time.n_base, time.n_candidate) * tests < significance;
}

void decide(TimeChange& time, std::size_t n_tests, double factor) {
    if (!can_tell(time, n_tests)) {
        const std::size_t needed = repeats_needed(std::max<std::size_t>(1, n_tests));
        time.change = Change::undecided;
        time.reason = "too few repeats to say: " + std::to_string(time.n_base) + " and " +
                      std::to_string(time.n_candidate) + ", at least " + std::to_string(needed) + " of each are needed";
    } else if (time.p_holm < significance && time.ratio > factor) {
        time.change = Change::worse;
    } else if (time.p_holm < significance && time.ratio < 1.0 / factor) {
        time.change = Change::better;
    } else {
        time.change = Change::same;
    }
}

// What the method itself takes, which every point is measured for. The time to load is of a dataset, and repeated for
// each of its points; those of metrics, checks and projections are of the harness. A test of each would cost the others
// their power.
bool is_tested(const std::string& stage) { return stage == "fit" || stage == "gradient"; }

// Ids of the points that did the same work in both.
std::unordered_set<std::string> comparable_points(const StoredResults& base, const StoredResults& candidate) {
    std::unordered_map<std::string, const StoredPoint*> before;
    for (const StoredPoint& point : base.points) before.emplace(point.id, &point);
    std::unordered_set<std::string> ids;
    for (const StoredPoint& point : candidate.points) {
        const auto found = before.find(point.id);
        if (found == before.end() || point.status != PointStatus::ok || found->second->status != PointStatus::ok)
            continue;
        if (why_not_comparable(*found->second, point).empty()) ids.insert(point.id);
    }
    return ids;
}

}  // namespace

std::vector<TimeChange> compare_times(const StoredResults& base, const StoredResults& candidate,
                                      const CompareOptions& options) {
    std::vector<TimeChange> changes;
    const std::unordered_set<std::string> points = comparable_points(base, candidate);
    for (const auto& [name, before] : base.seconds) {
        const auto found = candidate.seconds.find(name);
        if (found == candidate.seconds.end() || !is_tested(name.second) || points.count(name.first) == 0 ||
            (!options.only.empty() && !selects(options.only, name.first)))
            continue;
        const std::vector<double>& after = found->second;
        const auto is_zero = [](double seconds) { return seconds <= 0.0; };  // shorter than the clock can tell
        if (std::any_of(before.begin(), before.end(), is_zero) || std::any_of(after.begin(), after.end(), is_zero))
            continue;
        const Estimate estimate = ratio(before, after, 1.0 - significance);
        changes.push_back({name.first, name.second, Change::same, before.size(), after.size(), estimate.value,
                           estimate.low, estimate.high, estimate.p, 1.0, ""});
    }
    // a test that could not come out significant on its own is none
    std::vector<std::size_t> tested;
    std::vector<double> p_values;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        if (!can_tell(changes[i], 1)) continue;
        tested.push_back(i);
        p_values.push_back(changes[i].p);
    }
    const std::vector<double> corrected = holm(p_values);
    for (std::size_t t = 0; t < tested.size(); ++t) changes[tested[t]].p_holm = corrected[t];
    for (TimeChange& change : changes) decide(change, tested.size(), options.time_factor);
    return changes;
}

}  // namespace bcbench
