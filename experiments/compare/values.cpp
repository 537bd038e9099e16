#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "experiments/compare/compare.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;

constexpr Tolerance round_off_double = {1e-12, 1e-9};
constexpr Tolerance round_off_single = {1e-7, 1e-5};
constexpr Tolerance gradient_error = {1e-6, 0.0};  // of a right gradient it is noise; the check itself bounds it

ValueChange of_point(const StoredPoint& point, Change change, std::string reason) {
    ValueChange made;
    made.point = point.id;
    made.seed_group = point.group;
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

bool is_finite(const StoredValue& value) { return value.value && std::isfinite(*value.value); }

std::string why_no_value(const StoredValue& value) {
    if (value.value) return value.text + ", which is not finite";
    return value.reason.empty() ? value.status : value.status + ": " + value.reason;
}

// What is wrong with a value that has no good one before it to be compared with, or nothing.
std::string why_bad(const StoredValue& value) {
    if (is_finite(value))
        return is_pass_or_fail(value.direction, value.group) && *value.value != 1.0 ? "the check does not hold" : "";
    return value.status == "not_applicable" && !value.value ? "" : why_no_value(value);
}

// A value that comes into a point, or with one: it should be none that fails.
ValueChange arrival(const StoredPoint& point, const StoredValue& value, Change change) {
    const std::string reason = why_bad(value);
    ValueChange made = of_point(point, reason.empty() ? change : Change::newly_failing, reason);
    made.metric = value.metric;
    made.direction = value.direction;
    made.metric_group = value.group;
    if (is_finite(value)) made.candidate = value.value;
    return made;
}

// A point without a good one before it, as a whole, or each of its values that is bad.
void add_arrival(const StoredPoint& point, Change change, std::string reason, std::vector<ValueChange>& changes) {
    const std::size_t before = changes.size();
    for (const StoredValue& value : point.values) {
        if (!why_bad(value).empty()) changes.push_back(arrival(point, value, change));
    }
    if (changes.size() == before) changes.push_back(of_point(point, change, std::move(reason)));
}

ValueChange compare_value(const StoredPoint& point, const StoredValue& base, const StoredValue& candidate,
                          const StoredResults& results) {
    if (is_finite(candidate) && !is_finite(base)) {
        ValueChange made = arrival(point, candidate, Change::fixed);
        if (made.change == Change::fixed) made.reason = "was " + why_no_value(base);
        return made;
    }
    ValueChange made = of_point(point, Change::same, "");
    made.metric = base.metric;
    made.direction = candidate.direction;
    made.metric_group = candidate.group;
    if (is_finite(base)) made.base = base.value;
    if (!is_finite(candidate)) {
        const bool as_before = !made.base && base.status == candidate.status && !candidate.value;
        made.change = !as_before                        ? Change::newly_failing
                      : base.status == "not_applicable" ? Change::same
                                                        : Change::still_failing;
        made.reason = why_no_value(candidate);
        return made;
    }
    made.candidate = candidate.value;
    made.reason = why_other_definition(base, candidate);
    if (!made.reason.empty()) {
        made.change = Change::not_comparable;
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
        missing.metric_group = value.group;
        missing.base = value.value;
        changes.push_back(std::move(missing));
    }
    for (const StoredValue& value : candidate.values) {
        if (!base.find(value.metric)) changes.push_back(arrival(candidate, value, Change::added));
    }
}

bool has_collapsed(const StoredPoint& point) {
    return point.status == PointStatus::ok && point.find(collapsed_row.name) != nullptr;
}

void compare_points(const StoredPoint& base, const StoredPoint& candidate, const StoredResults& results,
                    std::vector<ValueChange>& changes) {
    const auto reason = [&] { return candidate.reason.empty() ? name_of(candidate.status) : candidate.reason; };
    if (has_collapsed(candidate)) {  // what collapsed is no better, whatever its values
        const bool before = base.status == PointStatus::failed || has_collapsed(base);
        changes.push_back(of_point(candidate, before ? Change::still_failing : Change::newly_failing,
                                   "the corrected cells have collapsed: " + candidate.find(collapsed_row.name)->text +
                                       " of the input's variance is left"));
    } else if (has_collapsed(base) && candidate.status == PointStatus::ok) {
        add_arrival(candidate, Change::fixed, "had collapsed", changes);
    } else if (base.status == PointStatus::ok && candidate.status == PointStatus::ok) {
        compare_ok_points(base, candidate, results, changes);
    } else if (candidate.status == PointStatus::failed) {
        const bool before = base.status == PointStatus::failed;
        changes.push_back(of_point(candidate, before ? Change::still_failing : Change::newly_failing, reason()));
    } else if (candidate.status == PointStatus::skipped) {
        const bool before = base.status != PointStatus::ok;
        changes.push_back(of_point(candidate, before ? Change::same : Change::missing, "skipped: " + reason()));
    } else {
        add_arrival(candidate, Change::fixed, std::string("was ") + name_of(base.status), changes);
    }
}

}  // namespace

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
        const ordered_json was = base.method.value(part, ordered_json());
        const ordered_json is = candidate.method.value(part, ordered_json());
        const std::string difference = was.is_null() == is.is_null() ? difference_of(was, is)
                                       : was.is_null()               ? "there was none"
                                                                     : "there is none now";
        if (!difference.empty()) return "other method " + std::string(part) + ": " + difference;
    }
    for (const char* part : {"type", "seed"}) {
        const ordered_json was = base.method.value(part, ordered_json());
        const ordered_json is = candidate.method.value(part, ordered_json());
        if (was != is) return "method " + std::string(part) + " was " + was.dump() + ", is " + is.dump();
    }
    return "";
}

std::string why_other_definition(const StoredValue& base, const StoredValue& candidate) {
    if (base.version && candidate.version && *base.version != *candidate.version) {
        return "other definition of the metric: version was " + std::to_string(*base.version) + ", is " +
               std::to_string(*candidate.version);
    }
    const bool judged = base.direction != Direction::info && candidate.direction != Direction::info;
    if (base.direction == candidate.direction || !judged) return "";  // without a good direction it only changes
    return std::string("the good direction was ") + name_of(base.direction) + ", is " + name_of(candidate.direction);
}

std::optional<double> ValueChange::difference() const {
    if (!base || !candidate) return std::nullopt;
    return *candidate - *base;
}

double tolerance_of(const StoredResults& results, const std::string& metric, const std::string& precision,
                    double base) {
    const bool is_noise = metric == "gradient_max_relative_error" || metric == "gradient_decisive_error";
    Tolerance tolerance = is_noise ? gradient_error : precision == "float32" ? round_off_single : round_off_double;
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
        if (point.status == PointStatus::failed) {
            changes.push_back(of_point(point, Change::newly_failing, point.reason));
        } else {
            add_arrival(point, Change::added, "", changes);
        }
    }
    return changes;
}

}  // namespace bcbench
