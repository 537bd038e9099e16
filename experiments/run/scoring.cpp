#include "experiments/run/scoring.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <set>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/training/mini_batches.hpp"
#include "experiments/bindings/metric.hpp"

namespace bcbench {

namespace {

// Rows of metrics with other than default parameters carry these in their names: "type_purity(n_neighbors=30)".
void add_scores(std::vector<Score> scores, const MetricEntry& metric, const std::string& prefix, PointRecord& record) {
    for (Score& score : scores) {
        score.metric = prefix + score.metric + metric.name.substr(metric.type.size());
        score.version = metric_named(metric.type).version;
        record.scores.push_back(std::move(score));
    }
}

// The share of cells that tie, where there are any and the config does not ask for it.
template <class Real>
void add_tied_shares(const Config& config, const MetricContext<Real>& context, const std::string& prefix,
                     PointRecord& record) {
    const MetricDefinition& tied = metric_named("tied_share");
    std::set<std::int64_t> counts;  // of neighbours
    for (const MetricEntry& metric : config.metrics) {
        const auto k = static_cast<std::int64_t>(neighbors_needed(metric_named(metric.type), metric.params));
        if (k > 0 && static_cast<std::size_t>(k) < context.n_cells()) counts.insert(k);
    }
    for (const MetricEntry& metric : config.metrics) {
        if (metric.type == tied.name) counts.erase(metric.params.at("n_neighbors").get<std::int64_t>());
    }
    for (const std::int64_t k : counts) {
        if (context.ties(k).cells.empty()) continue;
        const Parameter usual = tied.parameters().front();
        const std::string name =
            std::string(tied.name) + (usual.default_value == k ? "" : "(n_neighbors=" + std::to_string(k) + ")");
        const MetricEntry entry{name, tied.name, {{"n_neighbors", k}}};
        add_scores(computed(tied, entry.params, context).scores, entry, prefix, record);
    }
}

std::string scientific(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1e", value);
    return text;
}

// A row and a sentence where nothing of the input is left. A control's embedding is none of the input.
template <class Real>
void add_collapse(const MetricContext<Real>& context, PointRecord& record) {
    const std::optional<double> left = context.variance_left();
    if (!left || *left >= collapsed_below || record.method.contains("control")) return;
    record.scores.push_back(score(collapsed_row, *left));
    record.outputs["collapsed"] = "the corrected cells have collapsed: " + scientific(*left) +
                                  " of the variance of the input is left, less than " + scientific(collapsed_below) +
                                  "; nothing of this point is ranked";
}

template <class Real>
void score_embedding(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                     const std::string& prefix, PointRecord& record) {
    arma::uword most_neighbors = 0;
    for (const MetricEntry& metric : config.metrics) {
        const MetricDefinition& definition = metric_named(metric.type);
        const arma::uword needed = neighbors_needed(definition, metric.params);
        if (needed < corrected.n_cols || definition.needs.fewer_neighbors_do) {
            most_neighbors = std::max(most_neighbors, needed);
        }
    }
    const MetricContext<Real> context(corrected, before.cells, before, most_neighbors);
    for (const MetricEntry& metric : config.metrics) {
        const MetricOutput& output = computed(metric_named(metric.type), metric.params, context);
        add_scores(output.scores, metric, prefix, record);
        for (const std::string& note : output.notes) record.outputs["metric_notes"].push_back(prefix + note);
        for (const PerLabel& label : output.per_label) {
            record.outputs["per_label"][prefix + label.name + metric.name.substr(metric.type.size())][label.label] =
                label.value ? nlohmann::ordered_json(*label.value) : nlohmann::ordered_json(label.reason);
        }
    }
    add_tied_shares(config, context, prefix, record);
    if (context.exponent != 0) {
        record.outputs["metric_notes"].push_back(prefix + "metrics are of the cells times 2^" +
                                                 std::to_string(context.exponent) +
                                                 ", for squares of their differences leave the range of numbers");
    }
    if (prefix.empty()) add_collapse(context, record);
    require_finite(record.scores);
}

const char* const holdout_prefix = "holdout_";

}  // namespace

template <class Real>
void score_cells(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                 const std::vector<std::uint32_t>& holdout, PointRecord& record) {
    for (const char* of_metrics : {"metric_notes", "per_label", "collapsed"}) record.outputs.erase(of_metrics);
    score_embedding(config, corrected, before, "", record);
    if (holdout.empty()) return;
    const Dataset<Real> unseen = training::subset(before, holdout);
    const Dataset<Real> scored = training::subset<Real>({corrected, before.batch, {}}, holdout);
    score_embedding(config, scored.cells, unseen, holdout_prefix, record);
}

void add_missing_scores(const Config& config, bool with_holdout, const std::string& reason, PointRecord& record) {
    for (const char* prefix : {"", holdout_prefix}) {
        if (prefix == holdout_prefix && !with_holdout) continue;
        for (const MetricEntry& metric : config.metrics) {
            add_scores(not_applicable(metric_named(metric.type).rows, reason), metric, prefix, record);
        }
    }
}

void require_finite(const std::vector<Score>& scores) {
    for (const Score& score : scores) {
        if (score.value && !std::isfinite(*score.value)) throw NumericalError(score.metric + " is not finite");
    }
}

template void score_cells(const Config&, const Matrix<float>&, const Dataset<float>&, const std::vector<std::uint32_t>&,
                          PointRecord&);
template void score_cells(const Config&, const Matrix<double>&, const Dataset<double>&,
                          const std::vector<std::uint32_t>&, PointRecord&);

}  // namespace bcbench
