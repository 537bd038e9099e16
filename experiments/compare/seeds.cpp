#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/compare/compare.hpp"
#include "experiments/compare/statistics.hpp"

namespace bcbench {

namespace {

constexpr std::size_t fewest_seeds = 3;  // two say next to nothing about their spread

// A check that no longer holds is no matter of chance: its seeds decide one by one.
bool counts_with_its_seeds(const ValueChange& value) {
    return value.base && value.candidate && value.change != Change::not_comparable &&
           !is_pass_or_fail(value.direction, value.metric_group);
}

// A seed that lies further below the baseline's worst seed than the baseline's seeds lie apart; `sign` says where below
// is.
const ValueChange* out_of_range(const std::vector<const ValueChange*>& seeds, double sign) {
    const auto by_base = [sign](const ValueChange* a, const ValueChange* b) {
        return sign * *a->base < sign * *b->base;
    };
    const auto [worst, best] = std::minmax_element(seeds.begin(), seeds.end(), by_base);
    const double spread = std::abs(*(*best)->base - *(*worst)->base);
    const double bound = sign * *(*worst)->base - spread;
    const auto found = std::find_if(seeds.begin(), seeds.end(), [&](const ValueChange* seed) {
        return sign * *seed->candidate < bound - seed->tolerance;
    });
    return found == seeds.end() ? nullptr : *found;
}

// Out of the range of the base on the bad side; of what has no bad side, on either.
const ValueChange* collapsed(const std::vector<const ValueChange*>& seeds) {
    const Direction direction = seeds.front()->direction;
    const ValueChange* found = direction == Direction::lower ? nullptr : out_of_range(seeds, 1.0);
    return found == nullptr && direction != Direction::higher ? out_of_range(seeds, -1.0) : found;
}

bool all_are(const std::vector<const ValueChange*>& seeds, Change change) {
    return std::all_of(seeds.begin(), seeds.end(), [&](const ValueChange* seed) { return seed->change == change; });
}

// Some seed changed to the bad side, or from what has no bad side, and all that changed did so to the same. Those that
// did not change are no sign of noise: the same seed on the same data is the same computation.
bool unanimous(const std::vector<const ValueChange*>& seeds, Change bad) {
    const ValueChange* first = nullptr;
    for (const ValueChange* seed : seeds) {
        if (seed->change == Change::same || seed->change == Change::within_tolerance) continue;
        if (first == nullptr) first = seed;
        if (seed->change != bad || (*seed->difference() > 0.0) != (*first->difference() > 0.0)) return false;
    }
    return first != nullptr;
}

SeedsChange measure(const std::string& group, const std::vector<const ValueChange*>& seeds) {
    SeedsChange made;
    made.group = group;
    made.metric = seeds.front()->metric;
    made.direction = seeds.front()->direction;
    made.n = seeds.size();
    std::vector<double> differences;
    for (const ValueChange* seed : seeds) {
        differences.push_back(*seed->difference());
        made.base_mean += *seed->base / static_cast<double>(made.n);
        made.candidate_mean += *seed->candidate / static_cast<double>(made.n);
    }
    const Estimate mean = mean_difference(differences, 1.0 - significance);
    made.difference = mean.value;
    made.low = mean.low;
    made.high = mean.high;
    made.p = mean.p;
    return made;
}

// The verdict on a group whose seeds do not all agree within the tolerance.
void decide(SeedsChange& group, const std::vector<const ValueChange*>& seeds) {
    double tolerance = 0.0;
    for (const ValueChange* seed : seeds) tolerance = std::max(tolerance, seed->tolerance);
    const Change direct = judge(group.base_mean, group.base_mean + group.difference, group.direction, tolerance);
    const Change bad = group.direction == Direction::info ? Change::changed : Change::worse;
    const bool significant = group.p_holm < significance;
    if (direct == bad && significant) {
        group.change = bad;
        group.reason = "the mean differs";
    } else if (unanimous(seeds, bad)) {
        group.change = bad;
        group.reason = "every seed that differs does so to this side";
    } else if (const ValueChange* seed = collapsed(seeds)) {  // which the mean of the others may hide
        group.change = bad;
        group.reason = seed->point + " is out of the range of the base";
    } else if (direct == Change::better && significant) {
        group.change = Change::better;
        group.reason = "the mean differs";
    } else {
        group.change = Change::undecided;
        group.reason = "the seeds differ to both sides, or too little for their number";
    }
}

}  // namespace

std::vector<SeedsChange> compare_over_seeds(std::vector<ValueChange>& values) {
    std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string& group = values[i].seed_group;
        if (group != values[i].point && counts_with_its_seeds(values[i]))
            groups[{group, values[i].metric}].push_back(i);
    }
    std::vector<SeedsChange> changes;
    std::vector<std::vector<const ValueChange*>> seeds_of;
    for (const auto& [name, members] : groups) {
        if (members.size() < fewest_seeds) continue;
        std::vector<const ValueChange*> seeds;
        for (const std::size_t member : members) {
            seeds.push_back(&values[member]);
            values[member].over_seeds = changes.size();
        }
        changes.push_back(measure(name.first, seeds));
        seeds_of.push_back(std::move(seeds));
    }

    // only groups that differ are tests; equal bytes leave nothing to test
    std::vector<std::size_t> tested;
    std::vector<double> p_values;
    for (std::size_t g = 0; g < changes.size(); ++g) {
        const bool equal = all_are(seeds_of[g], Change::same);
        const bool close = std::all_of(seeds_of[g].begin(), seeds_of[g].end(), [](const ValueChange* seed) {
            return seed->change == Change::same || seed->change == Change::within_tolerance;
        });
        changes[g].change = equal ? Change::same : Change::within_tolerance;
        if (close) continue;
        tested.push_back(g);
        p_values.push_back(changes[g].p);
    }
    const std::vector<double> corrected = holm(p_values);
    for (std::size_t t = 0; t < tested.size(); ++t) {
        changes[tested[t]].p_holm = corrected[t];
        decide(changes[tested[t]], seeds_of[tested[t]]);
    }
    return changes;
}

}  // namespace bcbench
