#include "experiments/results/dataset_report.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>

#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench::report {

namespace {

using nlohmann::ordered_json;

// ---- many batches

constexpr std::size_t most_batches_shown = 12;

bool is_mean_of_batch(const std::string& metric) { return metric.starts_with("batch_mean_"); }

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
            if (suffix == std::string::npos || name.starts_with("gradient_")) continue;
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

}  // namespace

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

}  // namespace bcbench::report
