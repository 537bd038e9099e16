#include "experiments/compare/compare.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace bcbench {

namespace {

// How far a value moved relative to where it was, for sorting within a kind of change.
double relative_size(const ValueChange& value) {
    const std::optional<double> difference = value.difference();
    return difference ? std::abs(*difference) / std::max(std::abs(*value.base), 1e-300) : 0.0;
}

// A value whose seeds decide together stands behind those that decide alone.
bool more_alarming(const ValueChange& a, const ValueChange& b) {
    if (a.change != b.change) return a.change < b.change;
    if (a.over_seeds.has_value() != b.over_seeds.has_value()) return !a.over_seeds.has_value();
    return relative_size(a) > relative_size(b);
}

bool is_regression(Change change) { return change == Change::worse || change == Change::changed; }

// Points as a whole that failed or went missing; a value that fails or goes missing in a good point is a
// regression.
bool is_lost_point(const ValueChange& value) {
    return value.metric.empty() && (value.change == Change::newly_failing || value.change == Change::missing);
}

bool is_lost_value(const ValueChange& value) {
    return !value.metric.empty() && (value.change == Change::newly_failing || value.change == Change::missing);
}

template <class Items, class Predicate>
bool any(const Items& items, Predicate predicate) {
    return std::any_of(items.begin(), items.end(), predicate);
}

Verdict verdict_of(const CompareReport& report, const CompareOptions& options, bool nothing_in_common) {
    if (nothing_in_common) return Verdict::not_comparable;
    const bool worse = any(report.values, [](const ValueChange& value) {
        return is_lost_value(value) || (is_regression(value.change) && !value.over_seeds);
    });
    const bool worse_over_seeds =
        any(report.seeds, [](const SeedsChange& group) { return is_regression(group.change); });
    const bool slower =
        options.times && any(report.times, [](const TimeChange& time) { return time.change == Change::worse; });
    if (worse || worse_over_seeds || slower) return Verdict::regression;
    if (any(report.values, is_lost_point)) return Verdict::incomplete;
    const bool apart =
        any(report.values, [](const ValueChange& value) { return value.change == Change::not_comparable; });
    const bool told = any(report.times, [](const TimeChange& time) { return time.change != Change::undecided; });
    return apart || (options.times && !told) ? Verdict::not_comparable : Verdict::good;
}

void check_times(CompareReport& report, const CompareOptions& options) {
    const std::string& before = report.base.machine;
    const std::string& after = report.candidate.machine;
    if (!before.empty() && !after.empty() && before != after) {
        report.times.clear();
        report.notes.push_back("times do not compare: the base ran on " + before + ", the candidate on " + after);
    } else if (options.times && report.times.empty()) {
        report.notes.push_back("no times to compare: no comparable point has times of fit or gradient in both");
    }
}

std::string describe(const StoredResults& results) { return results.directory.empty() ? "results" : results.directory; }

}  // namespace

const char* name_of(Change change) {
    switch (change) {
        case Change::worse:
            return "worse";
        case Change::newly_failing:
            return "newly failing";
        case Change::missing:
            return "missing";
        case Change::changed:
            return "changed";
        case Change::not_comparable:
            return "not comparable";
        case Change::undecided:
            return "undecided";
        case Change::still_failing:
            return "still failing";
        case Change::better:
            return "better";
        case Change::fixed:
            return "fixed";
        case Change::added:
            return "new";
        case Change::within_tolerance:
            return "within tolerance";
        case Change::same:
            break;
    }
    return "same";
}

namespace {

bool has_metric(const StoredResults& results, const std::string& metric) {
    return any(results.points, [&](const StoredPoint& point) {
        return any(point.values, [&](const StoredValue& value) {
            return value.metric == metric || value.metric.substr(0, value.metric.find('(')) == metric;
        });
    });
}

bool are_equal(const Tolerance& a, const Tolerance& b) { return a.absolute == b.absolute && a.relative == b.relative; }

// Metrics with another tolerance in the config of the candidate, whose counts: it should not excuse itself in silence.
std::string other_tolerances(const StoredResults& base, const StoredResults& candidate) {
    std::set<std::string> names;
    for (const auto& [side, other] : {std::pair(&base, &candidate), std::pair(&candidate, &base)}) {
        for (const auto& [metric, tolerance] : side->tolerances) {
            const auto found = other->tolerances.find(metric);
            if (found == other->tolerances.end() || !are_equal(found->second, tolerance)) names.insert(metric);
        }
    }
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return list;
}

}  // namespace

CompareReport compare_results(StoredResults base, StoredResults candidate, const CompareOptions& options) {
    CompareReport report;
    // the tables of a run that did not come to its end are those of the run before
    report.identical = base.finished && candidate.finished && !base.metrics_bytes.empty() &&
                       base.metrics_bytes == candidate.metrics_bytes;
    report.values = compare_values(base, candidate, options.only);
    report.seeds = compare_over_seeds(report.values);
    report.times = compare_times(base, candidate, options);
    for (const StoredResults* results : {&base, &candidate}) {
        for (const std::string& note : results->notes) report.notes.push_back(describe(*results) + ": " + note);
    }
    for (const auto& [metric, tolerance] : candidate.tolerances) {
        if (!has_metric(base, metric) && !has_metric(candidate, metric))
            report.notes.push_back("the tolerance of '" + metric + "' counts for nothing: no value has this name");
    }
    const std::string others = other_tolerances(base, candidate);
    if (!others.empty() && base.has_manifest && candidate.has_manifest)
        report.notes.push_back("the candidate's config has other tolerances than the base's, and counts: " + others);
    if (base.name != candidate.name && !base.name.empty() && !candidate.name.empty()) {
        report.notes.push_back("these are different experiments: " + base.name + " and " + candidate.name);
    }
    const bool nothing_in_common =
        !report.values.empty() &&
        std::all_of(report.values.begin(), report.values.end(),
                    [](const ValueChange& value) {
                        return value.metric.empty() &&
                               (value.change == Change::missing || value.change == Change::added);
                    }) &&
        any(report.values, [](const ValueChange& value) { return value.change == Change::added; });
    if (nothing_in_common) report.notes.push_back("the two have no point in common");
    if (report.values.empty()) report.notes.push_back("there is no point to compare");

    base.points.clear();
    base.seconds.clear();
    candidate.points.clear();
    candidate.seconds.clear();
    report.base = std::move(base);
    report.candidate = std::move(candidate);
    check_times(report, options);
    report.verdict = verdict_of(report, options, nothing_in_common || report.values.empty());
    std::stable_sort(report.values.begin(), report.values.end(), more_alarming);
    return report;
}

}  // namespace bcbench
