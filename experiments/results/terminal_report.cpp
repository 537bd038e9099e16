#include "experiments/results/terminal_report.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "experiments/results/dataset_report.hpp"
#include "experiments/results/report_rows.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

using namespace report;

using nlohmann::ordered_json;

// Values that a swept parameter defines are on another scale at each of its values.
std::string definition_note(const Records& records, const std::vector<std::string>& parameters) {
    std::string text;
    std::set<std::string> said;
    for (const PointRecord* record : records) {
        for (const Score& score : record->scores) {
            const bool swept = std::find(parameters.begin(), parameters.end(), score.defined_by) != parameters.end();
            if (!swept || !said.insert(score.metric).second) continue;
            text += "  " + score.metric + " is defined by " + score.defined_by +
                    ": its values do not compare over this sweep.\n";
        }
    }
    return text;
}

// One table per swept method: its parameters against every metric that is not a check.
std::string sweep_text(const std::string& title, const Records& records, bool every_seed) {
    std::vector<std::string> parameters;
    std::vector<nlohmann::json> params;
    for (const PointRecord* record : records) params.push_back(nlohmann::json::parse(record->params));
    std::set<std::string> notable;
    for (const nlohmann::json& each : params)
        for (const auto& [name, value] : each.items()) notable.insert(name);
    // what is not notable has its default
    const auto shown = [&](std::size_t i, const std::string& name) -> std::string {
        if (params[i].contains(name)) return canonical_json(params[i].at(name));
        const bool of_training = name.starts_with("train.");
        const ordered_json& resolved = records[i]->method.at(of_training ? "train" : "params");
        const std::string key = name.substr(of_training ? 6 : 0);
        return resolved.contains(key) ? canonical_json(resolved.at(key)) : "";
    };
    for (const std::string& name : notable) {
        std::set<std::string> seen;
        for (std::size_t i = 0; i < records.size(); ++i) seen.insert(shown(i, name));
        if (seen.size() > 1) parameters.push_back(name);
    }
    if (parameters.empty()) return "";
    const bool several_seeds = std::any_of(records.begin(), records.end(), [&](const PointRecord* record) {
        return record->method.at("seed") != records.front()->method.at("seed");
    });
    const std::vector<std::string> metrics = metrics_where(records, [](const Score& score) {
        return is_loss(score) || is_mixing(score) || is_other(score) || score.metric == "mean_shift";
    });
    TextRow header = parameters;
    if (several_seeds) header.push_back(every_seed ? "seed" : "seeds");
    header.insert(header.end(), metrics.begin(), metrics.end());
    std::vector<TextRow> rows;
    for (const Row& each : rows_of(records, every_seed)) {
        const PointRecord* first = each.records[0];
        const auto i = static_cast<std::size_t>(std::find(records.begin(), records.end(), first) - records.begin());
        TextRow row;
        for (const std::string& name : parameters) row.push_back(shown(i, name));
        if (several_seeds)
            row.push_back(every_seed ? first->method.at("seed").dump() : std::to_string(each.records.size()));
        for (const std::string& metric : metrics) row.push_back(cell(each, metric));
        rows.push_back(row);
    }
    return heading("Sweep of " + title) + text_table(header, rows) + definition_note(records, parameters) +
           collapse_note(records);
}

std::string comparison_text(const std::vector<Comparison>& comparisons) {
    std::vector<TextRow> rows;
    std::map<Agreement, std::size_t> counts;
    for (const Comparison& comparison : comparisons) {
        const ExpectedValue& expected = comparison.expected;
        ++counts[comparison.agreement];
        rows.push_back({expected.section, expected.point,
                        expected.metric + (expected.minus_point.empty() ? "" : " vs uncorrected"), expected.printed,
                        comparison.reproduced, name_of(comparison.agreement)});
    }
    std::string text = heading("Documented against reproduced") +
                       text_table({"section", "point", "value", "documented", "reproduced", "equal"}, rows);
    text +=
        "  " + std::to_string(counts[Agreement::equal]) + " of " + std::to_string(comparisons.size()) + " values equal";
    if (counts[Agreement::last_digit] > 0)
        text += ", " + std::to_string(counts[Agreement::last_digit]) + " off by one unit in the last digit (allowed)";
    if (counts[Agreement::different] > 0) text += ", " + std::to_string(counts[Agreement::different]) + " DIFFERENT";
    if (counts[Agreement::missing] > 0) text += ", " + std::to_string(counts[Agreement::missing]) + " MISSING";
    return text + "\n";
}

}  // namespace

std::string terminal_report(const Config& config, const std::vector<PointRecord>& records,
                            const std::set<std::string>& base, const std::vector<Comparison>& comparisons,
                            bool every_seed) {
    std::string text = config.name + " (" + config.precision + ")\n";
    if (!config.purpose.empty()) text += config.purpose + "\n";

    // datasets, and within them the points of each method, in the order of the plan
    std::vector<std::pair<std::string, Records>> datasets;
    for (const PointRecord& record : records) {
        if (record.status != PointStatus::ok) continue;
        const std::string key = record.dataset.dump();
        if (datasets.empty() || datasets.back().first != key) datasets.push_back({key, {}});
        datasets.back().second.push_back(&record);
    }
    for (const auto& [key, points] : datasets) {
        std::vector<std::pair<std::string, Records>> methods;
        for (const PointRecord* record : points) {
            const std::string label = record->method_label();
            if (methods.empty() || methods.back().first != label) methods.push_back({label, {}});
            methods.back().second.push_back(record);
        }
        Records base_records;  // of each method, or its first point if none of those was run
        for (const auto& [label, swept] : methods) {
            const auto is_base = [&](const PointRecord* record) { return base.count(record->id) > 0; };
            if (std::none_of(swept.begin(), swept.end(), is_base)) base_records.push_back(swept.front());
            std::copy_if(swept.begin(), swept.end(), std::back_inserter(base_records), is_base);
        }
        text += dataset_text(base_records, every_seed);
        for (const auto& [label, swept] : methods) {
            if (swept.size() > 1) text += sweep_text(label, swept, every_seed);
        }
    }
    if (!comparisons.empty()) text += comparison_text(comparisons);
    for (const PointRecord& record : records) {
        if (record.status != PointStatus::ok)
            text += "\n" + record.id + " " + name_of(record.status) + ": " + record.reason + "\n";
        const ordered_json failures = record.outputs.value("check_failures", ordered_json::object());
        for (const auto& [check, why] : failures.items())
            text += "\n" + record.id + ": the check " + check + " does not hold: " + why.get<std::string>() + "\n";
    }
    return text;
}

}  // namespace bcbench
