#include "experiments/compare/output.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "experiments/system/files.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"

namespace bcbench {

using nlohmann::ordered_json;

namespace {

constexpr int compare_schema_version = 1;

template <class Item>
std::vector<const Item*> shown_of(const std::vector<Item>& items, bool all) {
    std::vector<const Item*> shown;
    for (const Item& item : items) {
        if (all || item.change != Change::same) shown.push_back(&item);
    }
    std::stable_sort(shown.begin(), shown.end(), [](const Item* a, const Item* b) { return a->change < b->change; });
    return shown;
}

// Values by their status, which for those that decide together is that of their mean.
std::array<std::size_t, n_changes> counts_of(const CompareReport& report) {
    std::array<std::size_t, n_changes> counts{};
    for (const ValueChange& value : report.values) {
        const Change change = value.over_seeds ? report.seeds[*value.over_seeds].change : value.change;
        ++counts[static_cast<std::size_t>(change)];
    }
    return counts;
}

ordered_json number_or_null(std::optional<double> value) {
    return value && std::isfinite(*value) ? ordered_json(*value) : ordered_json();
}

std::string field_of(std::optional<double> value) { return value && std::isfinite(*value) ? number_text(*value) : ""; }

std::optional<double> relative_difference(const ValueChange& value) {
    const std::optional<double> difference = value.difference();
    if (!difference || *value.base == 0.0) return std::nullopt;
    return *difference / std::abs(*value.base);
}

ordered_json json_of(const StoredResults& results) {
    return {{"directory", results.directory}, {"name", results.name},       {"git_commit", results.git_commit},
            {"git_dirty", results.git_dirty}, {"started", results.started}, {"complete", results.complete},
            {"machine", results.machine}};
}

ordered_json json_of(const ValueChange& value) {
    ordered_json json = {{"point", value.point},
                         {"metric", value.metric},
                         {"status", name_of(value.change)},
                         {"direction", name_of(value.direction)}};
    json["base"] = number_or_null(value.base);
    json["candidate"] = number_or_null(value.candidate);
    json["difference"] = number_or_null(value.difference());
    json["relative"] = number_or_null(relative_difference(value));
    json["tolerance"] = value.tolerance;
    json["reason"] = value.reason;
    json["decided_over_seeds"] = value.over_seeds.has_value();
    return json;
}

ordered_json json_of(const SeedsChange& group) {
    return {{"points", group.group},
            {"metric", group.metric},
            {"status", name_of(group.change)},
            {"direction", name_of(group.direction)},
            {"n_seeds", group.n},
            {"base_mean", group.base_mean},
            {"candidate_mean", group.candidate_mean},
            {"difference", group.difference},
            {"low", group.low},
            {"high", group.high},
            {"p", group.p},
            {"p_holm", group.p_holm},
            {"reason", group.reason}};
}

ordered_json json_of(const TimeChange& time) {
    ordered_json json = {{"point", time.point},
                         {"stage", time.stage},
                         {"status", time_name_of(time.change)},
                         {"n_base", time.n_base},
                         {"n_candidate", time.n_candidate},
                         {"ratio", time.ratio}};
    json["low"] = time.low > 0.0 ? ordered_json(time.low) : ordered_json();
    json["high"] = number_or_null(time.high);
    json["p"] = time.p;
    json["p_holm"] = time.p_holm;
    json["reason"] = time.reason;
    return json;
}

}  // namespace

const char* time_name_of(Change change) {
    switch (change) {
        case Change::worse:
            return "slower";
        case Change::better:
            return "faster";
        case Change::undecided:
            return "too few repeats";
        default:
            return name_of(change);
    }
}

const char* name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::good:
            return "good";
        case Verdict::regression:
            return "regression";
        case Verdict::incomplete:
            return "points failed or missing";
        default:
            return "not comparable";
    }
}

std::vector<const ValueChange*> shown_values(const CompareReport& report, bool all) {
    return shown_of(report.values, all);
}
std::vector<const SeedsChange*> shown_seeds(const CompareReport& report, bool all) {
    return shown_of(report.seeds, all);
}
std::vector<const TimeChange*> shown_times(const CompareReport& report, bool all) {
    return shown_of(report.times, all);
}

std::string counts_text(const CompareReport& report) {
    const auto counts = counts_of(report);
    std::string text;
    for (std::size_t i = 0; i < n_changes; ++i) {
        if (counts[i] == 0) continue;
        text += (text.empty() ? "" : ", ") + std::to_string(counts[i]) + " " + name_of(static_cast<Change>(i));
    }
    return std::to_string(report.values.size()) + (report.values.size() == 1 ? " value" : " values") +
           (text.empty() ? "" : ": " + text);
}

std::string compare_json(const CompareReport& report, const CompareFormat& format) {
    const auto counts = counts_of(report);
    ordered_json json = {{"schema_version", compare_schema_version}, {"base", json_of(report.base)},
                         {"candidate", json_of(report.candidate)},   {"identical", report.identical},
                         {"verdict", name_of(report.verdict)},       {"exit_code", report.exit_code()}};
    for (std::size_t i = 0; i < n_changes; ++i) json["counts"][name_of(static_cast<Change>(i))] = counts[i];
    for (const char* list : {"values", "seeds", "times"}) json[list] = ordered_json::array();
    for (const ValueChange* value : shown_values(report, format.all)) json["values"].push_back(json_of(*value));
    for (const SeedsChange* group : shown_seeds(report, format.all)) json["seeds"].push_back(json_of(*group));
    for (const TimeChange* time : shown_times(report, format.all)) json["times"].push_back(json_of(*time));
    json["notes"] = report.notes;
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string compare_csv(const CompareReport& report, const CompareFormat& format) {
    std::string csv =
        "kind,status,point,metric,direction,base,candidate,difference,low,high,p_holm,reason,decided_over_seeds\n";
    for (const ValueChange* value : shown_values(report, format.all)) {
        csv += std::string("value,") + name_of(value->change) + ',' + csv_field(value->point) + ',' +
               csv_field(value->metric) + ',' + name_of(value->direction) + ',' + field_of(value->base) + ',' +
               field_of(value->candidate) + ',' + field_of(value->difference()) + ",,,," + csv_field(value->reason) +
               (value->over_seeds ? ",true\n" : ",false\n");
    }
    for (const SeedsChange* group : shown_seeds(report, format.all)) {
        csv += std::string("seeds,") + name_of(group->change) + ',' + csv_field(group->group) + ',' +
               csv_field(group->metric) + ',' + name_of(group->direction) + ',' + field_of(group->base_mean) + ',' +
               field_of(group->candidate_mean) + ',' + field_of(group->difference) + ',' + field_of(group->low) + ',' +
               field_of(group->high) + ',' + field_of(group->p_holm) + ',' + csv_field(group->reason) + ",\n";
    }
    for (const TimeChange* time : shown_times(report, format.all)) {  // difference: the ratio candidate / base
        csv += std::string("time,") + time_name_of(time->change) + ',' + csv_field(time->point) + ',' +
               csv_field(time->stage) + ",lower,,," + field_of(time->ratio) + ',' + field_of(time->low) + ',' +
               field_of(time->high) + ',' + field_of(time->p_holm) + ',' + csv_field(time->reason) + ",\n";
    }
    return csv;
}

std::string compare_output(const CompareReport& report, const CompareOptions& options, const CompareFormat& format) {
    if (format.name == "text") return compare_text(report, options, format);
    if (format.name == "md") return compare_markdown(report, options, format);
    if (format.name == "json") return compare_json(report, format);
    if (format.name == "csv") return compare_csv(report, format);
    throw std::invalid_argument("there is no format '" + format.name + "'; there are text, json, csv and md");
}

}  // namespace bcbench
