#include "experiments/commands/score.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "engine/core/parallel.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/linear/products.hpp"
#include "experiments/bindings/datasets.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/commands/command_line.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/run/score_embedding.hpp"
#include "experiments/system/files.hpp"
#include "experiments/system/provenance.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"
#include "experiments/text/json_reader.hpp"
#include "experiments/text/names.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

constexpr const char* default_preset = "scib-metrics-0.6";

// The metrics asked for, as the list that a config would hold.
OrderedJson metric_list(const ScoreArguments& arguments) {
    OrderedJson list = OrderedJson::array();
    if (!arguments.preset.empty()) {
        std::vector<std::string> known;
        for (const Preset& preset : catalog().presets) known.push_back(preset.name);
        if (std::find(known.begin(), known.end(), arguments.preset) == known.end()) {
            throw std::invalid_argument("--preset: " + unknown_name("preset", arguments.preset, known));
        }
        list.push_back(arguments.preset);
    }
    for (const std::string& text : arguments.metrics) {
        list.push_back(text.starts_with("{") ? parse_json(text, "--metrics") : OrderedJson(text));
    }
    if (list.empty()) list.push_back(default_preset);
    return list;
}

constexpr double long_seconds = 5.0;  // from here on it is said how long it will take

void print_estimate(const ScoreInput& input, const std::vector<MetricEntry>& metrics, unsigned threads) {
    const auto n = static_cast<double>(input.data.cells.n_cols);
    const auto f = static_cast<double>(input.data.cells.n_rows);
    const double seconds = seconds_of_metrics(metrics, n, f) / threads;
    if (seconds < long_seconds) return;
    std::fprintf(stderr, "note: %zu metrics of %.0f cells x %.0f features take about %.0f s on %u threads\n",
                 metrics.size(), n, f, seconds, threads);
}

// Says on a terminal which metric is being computed.
class MetricProgress {
  public:
    MetricProgress(std::size_t total, bool quiet) : total_(total), shown_(!quiet && isatty(STDERR_FILENO) == 1) {}
    ~MetricProgress() {
        if (shown_) std::fputs("\r\033[K", stderr);
    }
    MetricProgress(const MetricProgress&) = delete;
    MetricProgress& operator=(const MetricProgress&) = delete;

    void begins(const std::string& name) {
        ++begun_;
        if (shown_) std::fprintf(stderr, "\r\033[K[%zu/%zu] %s", begun_, total_, one_line(name).c_str());
    }

  private:
    std::size_t total_;
    std::size_t begun_ = 0;
    bool shown_;
};

template <class Real>
ScoredEmbedding scored(const ScoreInput& input, const std::vector<MetricEntry>& metrics, bool quiet) {
    const Dataset<Real> data = in_arithmetic<Real>(input.data);
    const auto before = arma::conv_to<Matrix<Real>>::from(input.before);
    MetricProgress progress(metrics.size(), quiet);
    return score_embedding(data.cells, before, data, metrics, [&](const std::string& name) { progress.begins(name); });
}

const char* status_of(const Score& score) { return score.value ? "ok" : "not_applicable"; }

std::string as_csv(const std::vector<ScoredMetric>& metrics) {
    std::string text = "metric,value,direction,status,reason,group,version,definition\n";
    for (const ScoredMetric& metric : metrics) {
        for (const Score& score : metric.output.scores) {
            text += csv_field(score.metric) + ',' + (score.value ? number_text(*score.value) : "") + ',' +
                    name_of(score.direction) + ',' + status_of(score) + ',' + csv_field(score.not_applicable_reason) +
                    ',' + name_of(score.group) + ',' + std::to_string(score.version) + ',' +
                    csv_field(metric_named(metric.type).summary) + '\n';
        }
    }
    return text;
}

OrderedJson json_rows(const std::vector<ScoredMetric>& metrics) {
    OrderedJson rows = OrderedJson::array();
    for (const ScoredMetric& metric : metrics) {
        for (const Score& score : metric.output.scores) {
            rows.push_back({{"metric", score.metric},
                            {"value", score.value ? OrderedJson(*score.value) : OrderedJson(nullptr)},
                            {"direction", name_of(score.direction)},
                            {"status", status_of(score)},
                            {"reason", score.not_applicable_reason},
                            {"group", name_of(score.group)},
                            {"version", score.version},
                            {"definition", metric_named(metric.type).summary}});
        }
    }
    return rows;
}

OrderedJson text_or_null(const std::string& text) { return text.empty() ? OrderedJson(nullptr) : OrderedJson(text); }

std::string as_json(const ScoreArguments& arguments, const ScoreInput& input, const OrderedJson& asked,
                    const std::vector<ScoredMetric>& metrics) {
    OrderedJson result = {{"schema_version", 1},
                          {"program", program_version()},
                          {"embedding", arguments.files.embedding},
                          {"metadata", text_or_null(arguments.files.metadata)},
                          {"before", text_or_null(arguments.files.before)},
                          {"precision", arguments.precision},
                          {"n_cells", input.data.cells.n_cols},
                          {"n_features", input.data.cells.n_rows},
                          {"batch_column", text_or_null(input.batch_column)},
                          {"type_column", text_or_null(input.type_column)},
                          {"n_batches", input.data.batch.count()},
                          {"n_types", input.data.type.count() - (count_unlabelled(input.data.type) > 0 ? 1 : 0)},
                          {"asked_for", asked},
                          {"metrics", json_rows(metrics)},
                          {"per_label", OrderedJson::object()},
                          {"notes", OrderedJson::array()}};
    for (const ScoredMetric& metric : metrics) {
        for (const PerLabel& label : metric.output.per_label) {
            result["per_label"][label.name][label.label] =
                label.value ? OrderedJson(*label.value) : OrderedJson(label.reason);
        }
        for (const std::string& note : metric.output.notes) result["notes"].push_back(note);
    }
    return result.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string as_table(const std::vector<ScoredMetric>& metrics) {
    std::vector<TextRow> rows;
    for (const ScoredMetric& metric : metrics) {
        for (const Score& score : metric.output.scores) {
            char digits[32];
            std::snprintf(digits, sizeof digits, "%.4f", score.value.value_or(0.0));
            rows.push_back({score.metric, score.value ? digits : "", name_of(score.direction), name_of(score.group),
                            std::to_string(score.version)});
        }
    }
    std::string text = text_table({"metric", "value", "better", "group", "version"}, rows);
    for (const ScoredMetric& metric : metrics) {
        for (const Score& score : metric.output.scores) {
            if (!score.value) text += "  " + one_line(score.metric + ": " + score.not_applicable_reason) + "\n";
        }
    }
    return text;
}

void print_notes(const ScoreInput& input, const ScoredEmbedding& embedding) {
    if (input.type_column.empty()) std::cerr << "note: without types (--type COLUMN) many metrics do not apply\n";
    if (embedding.variance_left && *embedding.variance_left < collapsed_below) {
        std::cerr
            << "note: the cells have collapsed: nearly nothing of the variance before is left, and no value means "
               "what its name says\n";
    }
    for (const std::string& note : embedding.notes) std::cerr << "note: " << note << '\n';
    for (const ScoredMetric& metric : embedding.metrics) {
        for (const std::string& note : metric.output.notes) std::cerr << "note: " << one_line(note) << '\n';
    }
}

}  // namespace

void add_score_options(CLI::App& command, ScoreArguments& arguments) {
    arguments.files.threads = std::max(1U, std::thread::hardware_concurrency());
    command
        .add_option("embedding", arguments.files.embedding,
                    ".npy (cells x features), CSV or TSV (a header, then a row per cell), or FILE.h5ad[:obsm/KEY] "
                    "(default obsm/X_pca)")
        ->type_name("EMBEDDING")
        ->required();
    command
        .add_option("metadata", arguments.files.metadata,
                    "CSV or TSV with a row per cell, by name where both have names, else in the same order; or .h5ad; "
                    "not needed if EMBEDDING is .h5ad")
        ->type_name("METADATA");
    command.add_option("--batch", arguments.batch, "column of the batches (default batch; '': there is one batch)")
        ->type_name("COLUMN");
    command
        .add_option("--type", arguments.type,
                    "column of the cell types (default cell_type, celltype or type, if there is one)")
        ->type_name("COLUMN");
    command
        .add_option("--missing-types", arguments.files.missing_types,
                    "cells without a type: an error, or kept, where the metrics on types leave them out")
        ->check(CLI::IsMember({"error", "keep"}));
    command.add_option("--preset", arguments.preset, "a set of metrics (default scib-metrics-0.6)")->type_name("NAME");
    command
        .add_option("--metrics", arguments.metrics,
                    "metrics, presets, or objects as in a config: '{\"type\": \"kbet\", \"params\": {\"alpha\": 0.1}}'")
        ->type_name("NAME");
    command
        .add_option("--before", arguments.files.before,
                    "the same cells before the correction, for pcr_comparison; files as of EMBEDDING")
        ->type_name("FILE");
    command
        .add_option("--per-cell", arguments.per_cell,
                    "also write the values of each cell behind the metrics to this file (CSV)")
        ->type_name("FILE");
    command.add_option("--format", arguments.format, "form of the output")
        ->check(CLI::IsMember({"table", "csv", "json"}))
        ->capture_default_str();
    command.add_option("--precision", arguments.precision, "arithmetic")
        ->check(CLI::IsMember({"float64", "float32"}))
        ->capture_default_str();
    command.add_option("--threads", arguments.files.threads, "threads; results do not depend on it")
        ->check(CLI::Range(1U, 1024U))
        ->capture_default_str();
    command.add_flag("--quiet", arguments.quiet, "no progress, no notes");
}

int score_command(const CLI::App& command, ScoreArguments arguments) {
    if (command.count("--batch") > 0) arguments.files.batch_column = arguments.batch;
    if (command.count("--type") > 0) arguments.files.type_column = arguments.type;
    const OrderedJson asked = metric_list(arguments);
    const std::vector<MetricEntry> metrics = make_metrics(asked, "--metrics", catalog());
    use_single_threaded_blas();
    set_thread_count(arguments.files.threads);
    const ScoreInput input = read_score_input(arguments.files);
    if (!arguments.quiet) print_estimate(input, metrics, arguments.files.threads);
    const ScoredEmbedding embedding = arguments.precision == "float32"
                                          ? scored<float>(input, metrics, arguments.quiet)
                                          : scored<double>(input, metrics, arguments.quiet);
    const std::vector<ScoredMetric>& found = embedding.metrics;
    if (!arguments.per_cell.empty()) {
        write_atomically(arguments.per_cell,
                         per_cell_csv(input.data.batch, input.data.type, input.data.cells.n_cols, found));
    }
    std::cout << (arguments.format == "csv"    ? as_csv(found)
                  : arguments.format == "json" ? as_json(arguments, input, asked, found)
                                               : as_table(found))
              << std::flush;
    if (!arguments.quiet) print_notes(input, embedding);
    return exit_ok;
}

}  // namespace bcbench
