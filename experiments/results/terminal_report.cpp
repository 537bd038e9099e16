#include "experiments/results/terminal_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>
#include <numeric>
#include <set>

#include "experiments/catalog/catalog.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

using nlohmann::ordered_json;
using Records = std::vector<const PointRecord*>;

std::string fixed(double value, const char* format = "%.4f") {
    char text[64];
    std::snprintf(text, sizeof text, std::abs(value) < 1e6 ? format : "%.4e", value);
    return text;
}

// "0.2340", "n/a" where the value does not apply, "" where the point has no such row.
std::string cell(const PointRecord& record, const std::string& metric) {
    for (const Score& score : record.scores) {
        if (score.metric == metric) return score.value ? fixed(*score.value) : "n/a";
    }
    return "";
}

bool starts_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

std::string heading(const std::string& title) { return "\n" + title + "\n"; }

nlohmann::json default_of(const PointRecord& record, const std::string& parameter) {
    const CatalogEntry* method = find_entry(catalog().methods, record.method.at("type"));
    if (method == nullptr) return {};
    const std::string training = "train.";
    const bool of_training = starts_with(parameter, training.c_str());
    for (const Parameter& known : of_training ? method->training : method->parameters) {
        if (parameter == (of_training ? training : "") + known.name) return known.default_value;
    }
    return {};
}

// A method's label, with what tells the point apart from others of the same label, and with the swept parameters that
// do not have their defaults here.
std::string label_of(const PointRecord& record, const Records& peers) {
    std::string label = record.method_label();
    const nlohmann::json params = nlohmann::json::parse(record.params);
    for (const auto& [name, value] : params.items()) {
        const bool swept = record.swept.value("method", ordered_json::object()).contains(name);
        if (swept && value != default_of(record, name)) label += " " + name + "=" + canonical_json(value);
    }
    const bool several = std::count_if(peers.begin(), peers.end(), [&](const PointRecord* peer) {
                             return peer->method_label() == record.method_label();
                         }) > 1;
    return several ? label + " seed=" + record.method.at("seed").dump() : label;
}

// Of cells that a training never saw: beside the main tables.
bool is_holdout(const Score& score) { return starts_with(score.metric, "holdout_"); }

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

bool is_loss(const Score& score) { return score.group == Group::loss && !is_holdout(score); }
bool is_mean(const Score& score) { return score.group == Group::means && !is_holdout(score); }
bool is_mixing(const Score& score) { return score.group == Group::mixing && !is_holdout(score); }
bool is_check(const Score& score) { return score.group == Group::check; }
bool is_other(const Score& score) {
    if (is_holdout(score)) return score.group != Group::reference || !starts_with(score.metric, "perfect_mixing");
    return !is_loss(score) && !is_mean(score) && !is_mixing(score) && !is_check(score) &&
           score.group != Group::reference && score.group != Group::check_detail && score.metric != collapsed_row.name;
}

// Points that are one row of a table: one point, or those that differ in the method's seed alone.
struct Row {
    std::string label;
    Records records;
};

std::vector<Row> rows_of(const Records& records, bool every_seed) {
    std::vector<Row> rows;
    std::map<std::string, std::size_t> place;
    for (const PointRecord* record : records) {
        const auto [known, is_new] = place.emplace(every_seed ? record->id : record->group, rows.size());
        if (is_new) rows.push_back({label_of(*record, records), {}});
        rows[known->second].records.push_back(record);
    }
    for (Row& row : rows) {
        const std::size_t n = row.records.size();
        if (n > 1) row.label = label_of(*row.records[0], {row.records[0]}) + " (" + std::to_string(n) + " seeds)";
    }
    return rows;
}

// Mean and standard deviation over seeds in one notation: "0.2340 ± 0.0012"; of one seed its value.
std::string mean_and_sd(const std::vector<double>& values, const char* format = "%.4f") {
    if (values.size() == 1) return fixed(values[0], format);
    double mean = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double sd = std::sqrt(squares / static_cast<double>(values.size() - 1));
    const bool large = std::max(std::abs(mean), sd) >= 1e6;
    return fixed(mean, large ? "%.4e" : format) + " ± " + fixed(sd, large ? "%.4e" : "%.4f");
}

// Of several seeds "n/a" if one has no value.
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

// ---- many batches

constexpr std::size_t most_batches_shown = 12;

bool is_mean_of_batch(const std::string& metric) { return starts_with(metric, "batch_mean_"); }

// The means of many batches as their smallest, median and largest.
std::string summary_of_means(const Records& records, const std::vector<std::string>& means, bool every_seed) {
    std::vector<TextRow> rows;
    for (const Row& row : rows_of(records, every_seed)) {
        std::vector<double> smallest, median, largest;  // of each seed
        for (const PointRecord* record : row.records) {
            std::vector<double> values;
            for (const std::string& metric : means) {
                if (const auto value = value_of(*record, metric)) values.push_back(*value);
            }
            if (values.empty()) continue;
            std::sort(values.begin(), values.end());
            smallest.push_back(values.front());
            median.push_back((values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2.0);
            largest.push_back(values.back());
        }
        if (!smallest.empty())
            rows.push_back({row.label, mean_and_sd(smallest), mean_and_sd(median), mean_and_sd(largest)});
    }
    return text_table({"mean of batch", "smallest", "median", "largest"}, rows) + "  Each of the " +
           std::to_string(means.size()) + " batches: metrics.csv.\n";
}

std::string means_text(const Records& records, std::vector<std::string> metrics, bool every_seed) {
    std::vector<std::string> of_batches;
    std::copy_if(metrics.begin(), metrics.end(), std::back_inserter(of_batches), is_mean_of_batch);
    if (of_batches.size() <= most_batches_shown) return metric_table_text(records, metrics, every_seed);
    std::erase_if(metrics, is_mean_of_batch);
    return summary_of_means(records, of_batches, every_seed) +
           (metrics.empty() ? "" : metric_table_text(records, metrics, every_seed));
}

// "D1 500, D2 480"; "[500 500]" where the names are the places; many labels in short.
std::string sizes_text(const ordered_json& labels) {
    const auto names = labels.at("names").get<std::vector<std::string>>();
    const auto sizes = labels.at("sizes").get<std::vector<std::uint64_t>>();
    if (sizes.size() > most_batches_shown) {
        std::vector<std::size_t> order(sizes.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] < sizes[b]; });
        const auto named = [&](std::size_t i) { return std::to_string(sizes[i]) + " (" + one_line(names[i]) + ")"; };
        return std::to_string(sizes.size()) + " labels: smallest " + named(order.front()) + ", median " +
               std::to_string(sizes[order[order.size() / 2]]) + ", largest " + named(order.back());
    }
    bool places = true;
    std::string named;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        places = places && names[i] == std::to_string(i);
        named += (i > 0 ? ", " : "") + one_line(names[i]) + " " + std::to_string(sizes[i]);
    }
    return places ? "[" + join(labels.at("sizes"), " ") + "]" : named;
}

// ---- the tables of a dataset

std::string data_text(const PointRecord& record) {
    std::vector<TextRow> rows = {{"shape", "(" + join(record.outputs.at("shape"), ", ") + ")"},
                                 {"batch distribution", sizes_text(record.dataset.at("batches"))}};
    if (!record.outputs.at("type_distribution").empty())
        rows.push_back({"type distribution", sizes_text(record.dataset.at("types"))});
    const auto perfect = value_of(record, "perfect_mixing");
    if (perfect) rows.push_back({"perfect mixing (ln batches)", fixed(*perfect)});
    std::string name = record.dataset_label();  // and what is swept of it
    const nlohmann::json params = nlohmann::json::parse(record.params);
    const std::string prefix = "dataset.";
    for (const auto& [key, value] : params.items()) {
        if (key.starts_with(prefix)) name += " " + key.substr(prefix.size()) + "=" + canonical_json(value);
    }
    std::string text = text_table({"data", name}, rows);
    for (const ordered_json& warning : record.dataset.value("warnings", ordered_json::array()))
        text += "  Warning: " + one_line(warning.get<std::string>()) + "\n";
    return text;
}

// Shapes do not depend on the seed.
std::string shapes_text(const Records& records, bool every_seed) {
    std::vector<TextRow> rows;
    for (const Row& row : rows_of(records, every_seed)) {
        for (const auto& [name, value] : row.records[0]->outputs.items()) {
            const std::size_t suffix = name.rfind("_shape");
            if (suffix == std::string::npos || starts_with(name, "gradient_")) continue;
            rows.push_back({row.label, name.substr(0, suffix), "(" + join(value, ", ") + ")"});
        }
    }
    return text_table({"method", "output", "shape"}, rows);
}

// Mixing with its difference to the uncorrected cells of the same dataset.
std::string mixing_text(const Records& records, const std::string& metric, bool every_seed) {
    const auto baseline = std::find_if(records.begin(), records.end(), [](const PointRecord* record) {
        return record->method.at("type") == "uncorrected";
    });
    const auto base_value = baseline == records.end() ? std::nullopt : value_of(**baseline, metric);
    std::vector<TextRow> rows;
    for (const Row& each : rows_of(records, every_seed)) {
        TextRow row = {each.label, cell(each, metric)};
        std::vector<double> gains;
        for (const PointRecord* record : each.records) {
            const auto value = value_of(*record, metric);
            if (base_value && value && record != *baseline) gains.push_back(*value - *base_value);
        }
        if (!gains.empty() && gains.size() == each.records.size()) row.push_back(mean_and_sd(gains, "%+.4f"));
        rows.push_back(row);
    }
    return text_table({"method", metric, "vs uncorrected"}, rows);
}

// Autoencoders that were not trained are random networks; a reader must not take their mixing for a correction.
std::string untrained_note(const Records& records, bool every_seed) {
    std::string labels;
    for (const Row& row : rows_of(records, every_seed)) {
        const PointRecord& first = *row.records[0];
        if (!first.method.at("train").is_null() || !value_of(first, "reconstruction_loss")) continue;
        labels += (labels.empty() ? "" : ", ") + row.label;
    }
    if (labels.empty()) return "";
    return "  Not trained: " + labels + ". A random network corrects nothing; mixing it adds is structure it lost.\n";
}

// Points whose values look their best because nothing is left of the cells.
std::string collapse_note(const Records& records) {
    std::string text;
    for (const PointRecord* record : records) {
        if (!has_collapsed(*record)) continue;
        text += "  Collapsed: " + label_of(*record, records) + " keeps " +
                fixed(*value_of(*record, collapsed_row.name), "%.1e") + " of the variance of the input. " +
                "Its mixing and means say nothing, and it is not ranked.\n";
    }
    return text;
}

// "True" if it holds with every seed, "n/a" where it applies to none.
std::string truth_of(const Row& row, const std::string& metric) {
    std::string truth = "n/a";
    for (const PointRecord* record : row.records) {
        const auto value = value_of(*record, metric);
        if (value && *value != 1.0) return "False";
        if (value) truth = "True";
    }
    return truth;
}

std::string gradient_text(const Records& records, bool every_seed) {
    std::vector<TextRow> rows;
    for (const Row& each : rows_of(records, every_seed)) {
        if (!value_of(*each.records[0], "gradient_finite")) continue;
        std::optional<double> error;  // the largest of all seeds
        for (const PointRecord* record : each.records) {
            const auto own = value_of(*record, "gradient_max_relative_error");
            if (own) error = std::max(error.value_or(*own), *own);
        }
        rows.push_back({each.label, "(" + join(each.records[0]->outputs.at("gradient_shape"), ", ") + ")",
                        truth_of(each, "gradient_nonzero"), truth_of(each, "gradient_finite"),
                        cell(each, "gradient_l2_norm"), error ? fixed(*error, "%.1e") : "n/a"});
    }
    return rows.empty()
               ? ""
               : heading("Gradient of the sum of corrected entries with respect to the input") +
                     text_table({"method", "shape", "nonzero", "finite", "l2 norm", "max relative error"}, rows);
}

std::string checks_text(const Records& records, const std::vector<std::string>& checks, bool every_seed) {
    TextRow header = {"method"};
    header.insert(header.end(), checks.begin(), checks.end());
    std::vector<TextRow> rows;
    for (const Row& each : rows_of(records, every_seed)) {
        TextRow row = {each.label};
        for (const std::string& check : checks) row.push_back(truth_of(each, check));
        rows.push_back(row);
    }
    return text_table(header, rows);
}

std::string dataset_text(const Records& base, bool every_seed) {
    std::string text = "\n" + data_text(*base.front());
    text += heading("Shapes") + shapes_text(base, every_seed);
    const std::vector<std::string> losses = metrics_where(base, is_loss);
    if (!losses.empty()) text += heading("Losses") + metric_table_text(base, losses, every_seed);
    for (const std::string& metric : metrics_where(base, is_mixing))
        text += heading("Batch mixing") + mixing_text(base, metric, every_seed);
    text += untrained_note(base, every_seed) + collapse_note(base);
    const std::vector<std::string> means = metrics_where(base, is_mean);
    if (!means.empty()) text += heading("Batch means") + means_text(base, means, every_seed);
    const std::vector<std::string> others = metrics_where(base, is_other);
    if (!others.empty()) text += heading("Further metrics") + metric_table_text(base, others, every_seed);
    text += gradient_text(base, every_seed);
    const std::vector<std::string> checks = metrics_where(base, is_check);
    if (!checks.empty()) text += heading("Checks") + checks_text(base, checks, every_seed);
    return text;
}

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
        const bool of_training = starts_with(name, "train.");
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
