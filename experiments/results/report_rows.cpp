#include "experiments/results/report_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "experiments/catalog/catalog.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench::report {

namespace {

using nlohmann::ordered_json;

// "0.2340", "n/a" where the value does not apply, "" where the point has no such row.
std::string cell(const PointRecord& record, const std::string& metric) {
    for (const Score& score : record.scores) {
        if (score.metric == metric) return score.value ? fixed(*score.value) : "n/a";
    }
    return "";
}

nlohmann::json default_of(const PointRecord& record, const std::string& parameter) {
    const CatalogEntry* method = find_entry(catalog().methods, record.method.at("type"));
    if (method == nullptr) return {};
    const std::string training = "train.";
    const bool of_training = parameter.starts_with(training);
    for (const Parameter& known : of_training ? method->training : method->parameters) {
        if (parameter == (of_training ? training : "") + known.name) return known.default_value;
    }
    return {};
}

// Points of each method's label.
std::map<std::string, std::size_t> counted_labels(const Records& records) {
    std::map<std::string, std::size_t> counts;
    for (const PointRecord* record : records) ++counts[record->method_label()];
    return counts;
}

// A method's label with the swept parameters that do not have their defaults here, and with the seed where that tells
// points of the same label apart.
std::string label_of(const PointRecord& record, bool with_seed) {
    std::string label = record.method_label();
    const nlohmann::json params = nlohmann::json::parse(record.params);
    for (const auto& [name, value] : params.items()) {
        const bool swept = record.swept.value("method", ordered_json::object()).contains(name);
        if (swept && value != default_of(record, name)) label += " " + name + "=" + canonical_json(value);
    }
    return with_seed ? label + " seed=" + record.method.at("seed").dump() : label;
}

// Of cells that a training never saw: beside the main tables.
bool is_holdout(const Score& score) { return score.metric.starts_with("holdout_"); }

}  // namespace

std::string fixed(double value, const char* format) {
    char text[64];
    std::snprintf(text, sizeof text, std::abs(value) < 1e6 ? format : "%.4e", value);
    return text;
}

std::string heading(const std::string& title) { return "\n" + title + "\n"; }

bool is_loss(const Score& score) { return score.group == Group::loss && !is_holdout(score); }
bool is_mean(const Score& score) { return score.group == Group::means && !is_holdout(score); }
bool is_mixing(const Score& score) { return score.group == Group::mixing && !is_holdout(score); }
bool is_check(const Score& score) { return score.group == Group::check; }
bool is_other(const Score& score) {
    if (is_holdout(score)) return score.group != Group::reference || !score.metric.starts_with("perfect_mixing");
    return !is_loss(score) && !is_mean(score) && !is_mixing(score) && !is_check(score) &&
           score.group != Group::reference && score.group != Group::check_detail && score.metric != collapsed_row.name;
}

std::vector<std::string> metrics_where(const Records& records, bool (*wanted)(const Score&)) {
    std::vector<std::string> names;
    for (const PointRecord* record : records) {
        for (const Score& score : record->scores) {
            if (wanted(score) && std::find(names.begin(), names.end(), score.metric) == names.end()) {
                names.push_back(score.metric);
            }
        }
    }
    return names;
}

std::vector<Row> rows_of(const Records& records, bool every_seed) {
    const std::map<std::string, std::size_t> n_of_label = counted_labels(records);
    std::vector<Row> rows;
    std::map<std::string, std::size_t> place;
    for (const PointRecord* record : records) {
        const auto [known, is_new] = place.emplace(every_seed ? record->id : record->group, rows.size());
        if (is_new) rows.push_back({label_of(*record, n_of_label.at(record->method_label()) > 1), {}});
        rows[known->second].records.push_back(record);
    }
    for (Row& row : rows) {
        const std::size_t n = row.records.size();
        if (n > 1) row.label = label_of(*row.records[0], false) + " (" + std::to_string(n) + " seeds)";
    }
    return rows;
}

std::string mean_and_sd(const std::vector<double>& values, const char* format) {
    if (values.size() == 1) return fixed(values[0], format);
    double mean = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double sd = std::sqrt(squares / static_cast<double>(values.size() - 1));
    const bool large = std::max(std::abs(mean), sd) >= 1e6;
    return fixed(mean, large ? "%.4e" : format) + " ± " + fixed(sd, large ? "%.4e" : "%.4f");
}

std::string cell(const Row& row, const std::string& metric) {
    if (row.records.size() == 1) return cell(*row.records[0], metric);
    std::vector<double> values;
    for (const PointRecord* record : row.records) {
        const auto value = value_of(*record, metric);
        if (!value) return cell(*record, metric);
        values.push_back(*value);
    }
    return mean_and_sd(values);
}

std::string metric_table_text(const Records& records, const std::vector<std::string>& metrics, bool every_seed) {
    TextRow header = {"method"};
    header.insert(header.end(), metrics.begin(), metrics.end());
    std::vector<TextRow> rows;
    for (const Row& each : rows_of(records, every_seed)) {
        TextRow row = {each.label};
        bool any = false;
        for (const std::string& metric : metrics) {
            row.push_back(cell(each, metric));
            any = any || !row.back().empty();
        }
        if (any) rows.push_back(row);
    }
    return text_table(header, rows);
}

std::string collapse_note(const Records& records) {
    const std::map<std::string, std::size_t> n_of_label = counted_labels(records);
    std::string text;
    for (const PointRecord* record : records) {
        if (!has_collapsed(*record)) continue;
        text += "  Collapsed: " + label_of(*record, n_of_label.at(record->method_label()) > 1) + " keeps " +
                fixed(*value_of(*record, collapsed_row.name), "%.1e") + " of the variance of the input. " +
                "Its mixing and means say nothing, and it is not ranked.\n";
    }
    return text;
}

}  // namespace bcbench::report
