#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "experiments/canonical.hpp"
#include "experiments/compare.hpp"
#include "experiments/plan.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;

constexpr Tolerance round_off_double = {1e-12, 1e-9};
constexpr Tolerance round_off_single = {1e-7, 1e-5};
constexpr Tolerance gradient_error = {1e-6,
                                      0.0};  // of a right gradient it is noise; the check itself bounds it

ValueChange of_point(const StoredPoint& point, Change change, std::string reason) {
    ValueChange made;
    made.point = point.id;
    made.change = change;
    made.reason = std::move(reason);
    return made;
}

// The first entry of `keys` that both know and that differs: "n_iterations was 10, is 20".
std::string difference_of(const ordered_json& base, const ordered_json& candidate) {
    if (!base.is_object() || !candidate.is_object()) return "";
    for (const auto& [key, value] : base.items()) {
        const auto other = candidate.find(key);
        if (other == candidate.end() || *other == value) continue;
        return key + " was " + shown(nlohmann::json(value)) + ", is " + shown(nlohmann::json(*other));
    }
    return "";
}

// Why the point's numbers answer different questions in both, or nothing. A parameter that only one of them
// has came with a newer program, whose default leaves the old computation as it was.
std::string why_not_comparable(const StoredPoint& base, const StoredPoint& candidate) {
    if (base.precision != candidate.precision && !base.precision.empty() && !candidate.precision.empty()) {
        return "precision was " + base.precision + ", is " + candidate.precision;
    }
    if (!base.data_hash.empty() && !candidate.data_hash.empty() && base.data_hash != candidate.data_hash) {
        const std::string cause = difference_of(base.dataset, candidate.dataset);
        const std::string inner = difference_of(base.dataset.value("params", ordered_json()),
                                                candidate.dataset.value("params", ordered_json()));
        return "other data" + (inner.empty() ? cause.empty() ? "" : ": " + cause : ": " + inner);
    }
    if (base.method.is_null() || candidate.method.is_null()) return "";
    for (const char* part : {"params", "train"}) {
        const std::string difference = difference_of(base.method.value(part, ordered_json()),
                                                     candidate.method.value(part, ordered_json()));
        if (!difference.empty()) return "other method " + std::string(part) + ": " + difference;
    }
    for (const char* part : {"type", "seed"}) {
        const ordered_json was = base.method.value(part, ordered_json());
        const ordered_json is = candidate.method.value(part, ordered_json());
        if (was != is) return "method " + std::string(part) + " was " + was.dump() + ", is " + is.dump();
    }
    return "";
}

bool is_finite(const StoredValue& value) {
    return value.value && std::isfinite(*value.value);
}

std::string why_no_value(const StoredValue& value) {
    if (value.value) return "is " + value.text + ", which is not finite";
    return value.reason.empty() ? value.status : value.status + ": " + value.reason;
}

ValueChange compare_value(const StoredPoint& point, const StoredValue& base, const StoredValue& candidate,
                          const StoredResults& results) {
    ValueChange made;
    made.point = point.id;
    made.metric = base.metric;
    made.direction = candidate.direction;
    if (is_finite(base)) made.base = base.value;
    if (is_finite(candidate)) made.candidate = candidate.value;
    if (base.version && candidate.version && *base.version != *candidate.version) {
        made.change = Change::not_comparable;
        made.reason = "other definition of the metric: version was " + std::to_string(*base.version) +
                      ", is " + std::to_string(*candidate.version);
    } else if (base.direction != candidate.direction) {
        made.change = Change::not_comparable;
        made.reason = std::string("the good direction was ") + name_of(base.direction) + ", is " +
                      name_of(candidate.direction);
    } else if (!made.candidate) {
        const bool as_before = !made.base && base.status == candidate.status && !candidate.value;
        made.change = !as_before                        ? Change::newly_failing
                      : base.status == "not_applicable" ? Change::same
                                                        : Change::still_failing;
        made.reason = why_no_value(candidate);
    } else if (!made.base) {
        made.change = Change::fixed;
        made.reason = "was " + why_no_value(base);
    } else {
        made.tolerance = tolerance_of(results, base.metric, point.precision, *made.base);
        made.change = judge(*made.base, *made.candidate, candidate.direction, made.tolerance);
    }
    return made;
}

void compare_ok_points(const StoredPoint& base, const StoredPoint& candidate, const StoredResults& results,
                       std::vector<ValueChange>& changes) {
    std::string reason = why_not_comparable(base, candidate);
    if (!reason.empty()) {
        changes.push_back(of_point(candidate, Change::not_comparable, std::move(reason)));
        return;
    }
    for (const StoredValue& value : base.values) {
        const StoredValue* other = candidate.find(value.metric);
        if (other != nullptr) {
            changes.push_back(compare_value(candidate, value, *other, results));
            continue;
        }
        ValueChange missing = of_point(base, Change::missing, "the point has no such row any more");
        missing.metric = value.metric;
        missing.direction = value.direction;
        missing.base = value.value;
        changes.push_back(std::move(missing));
    }
    for (const StoredValue& value : candidate.values) {
        if (base.find(value.metric)) continue;
        ValueChange added = of_point(candidate, Change::added, "");
        added.metric = value.metric;
        added.direction = value.direction;
        added.candidate = value.value;
        if (!is_finite(value) && value.status != "not_applicable") added.change = Change::newly_failing;
        changes.push_back(std::move(added));
    }
}

void compare_points(const StoredPoint& base, const StoredPoint& candidate, const StoredResults& results,
                    std::vector<ValueChange>& changes) {
    const auto reason = [&] {
        return candidate.reason.empty() ? name_of(candidate.status) : candidate.reason;
    };
    if (base.status == PointStatus::ok && candidate.status == PointStatus::ok) {
        compare_ok_points(base, candidate, results, changes);
    } else if (candidate.status == PointStatus::failed) {
        const bool before = base.status == PointStatus::failed;
        changes.push_back(
            of_point(candidate, before ? Change::still_failing : Change::newly_failing, reason()));
    } else if (candidate.status == PointStatus::skipped) {
        const bool before = base.status != PointStatus::ok;
        changes.push_back(
            of_point(candidate, before ? Change::same : Change::missing, "skipped: " + reason()));
    } else {
        changes.push_back(of_point(candidate, Change::fixed, std::string("was ") + name_of(base.status)));
    }
}

}  // namespace

std::optional<double> ValueChange::difference() const {
    if (!base || !candidate) return std::nullopt;
    return *candidate - *base;
}

double tolerance_of(const StoredResults& results, const std::string& metric, const std::string& precision,
                    double base) {
    Tolerance tolerance = metric == "gradient_max_relative_error" ? gradient_error
                          : precision == "float32"                ? round_off_single
                                                                  : round_off_double;
    for (const std::string& name : {metric, metric.substr(0, metric.find('('))}) {
        const auto found = results.tolerances.find(name);
        if (found == results.tolerances.end()) continue;
        tolerance = found->second;
        break;
    }
    return std::max(tolerance.absolute, tolerance.relative * std::abs(base));
}

Change judge(double base, double candidate, Direction direction, double tolerance) {
    if (base == candidate) return Change::same;
    if (std::abs(candidate - base) <= tolerance) return Change::within_tolerance;
    if (direction == Direction::info) return Change::changed;
    return (candidate > base) == (direction == Direction::higher) ? Change::better : Change::worse;
}

std::vector<ValueChange> compare_values(const StoredResults& base, const StoredResults& candidate,
                                        const std::string& only) {
    std::unordered_map<std::string, const StoredPoint*> candidates;
    for (const StoredPoint& point : candidate.points) candidates.emplace(point.id, &point);
    std::vector<ValueChange> changes;
    for (const StoredPoint& point : base.points) {
        if (!only.empty() && !selects(only, point.id)) continue;
        const auto found = candidates.find(point.id);
        if (found != candidates.end()) {
            compare_points(point, *found->second, candidate, changes);
            candidates.erase(found);
        } else if (point.status != PointStatus::skipped) {
            changes.push_back(of_point(point, Change::missing, "the candidate does not have this point"));
        }
    }
    for (const StoredPoint& point : candidate.points) {
        if (candidates.count(point.id) == 0 || (!only.empty() && !selects(only, point.id))) continue;
        const auto bad = std::find_if(point.values.begin(), point.values.end(), [](const StoredValue& value) {
            return value.value && !is_finite(value);
        });
        if (point.status == PointStatus::failed) {
            changes.push_back(of_point(point, Change::newly_failing, point.reason));
        } else if (bad != point.values.end()) {
            changes.push_back(of_point(point, Change::newly_failing, bad->metric + " " + why_no_value(*bad)));
        } else {
            changes.push_back(of_point(point, Change::added, ""));
        }
    }
    return changes;
}

}  // namespace bcbench
