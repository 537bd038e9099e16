#include "experiments/run/scoring.hpp"

#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/training/mini_batches.hpp"
#include "experiments/bindings/metric.hpp"
#include "experiments/run/score_embedding.hpp"

namespace bcbench {

namespace {

std::string scientific(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1e", value);
    return text;
}

// A row and a sentence where nothing of the input is left. A control's embedding is none of the input.
void add_collapse(const std::optional<double>& left, PointRecord& record) {
    if (!left || *left >= collapsed_below || record.method.contains("control")) return;
    record.scores.push_back(score(collapsed_row, *left));
    record.outputs["collapsed"] = "the corrected cells have collapsed: " + scientific(*left) +
                                  " of the variance of the input is left, less than " + scientific(collapsed_below) +
                                  "; nothing of this point is ranked";
}

template <class Real>
void add_embedding(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                   const std::string& prefix, Executed& executed) {
    PointRecord& record = executed.record;
    ScoredEmbedding scored = score_embedding(corrected, before.cells, before, config.metrics);
    if (config.outputs.per_cell && prefix.empty())
        executed.per_cell = per_cell_csv(before.batch, before.type, corrected.n_cols, scored.metrics);
    for (ScoredMetric& metric : scored.metrics) {
        for (Score& score : metric.output.scores) {
            score.metric = prefix + score.metric;
            record.scores.push_back(std::move(score));
        }
        for (const std::string& note : metric.output.notes) record.outputs["metric_notes"].push_back(prefix + note);
        for (const PerLabel& label : metric.output.per_label) {
            record.outputs["per_label"][prefix + label.name][label.label] =
                label.value ? nlohmann::ordered_json(*label.value) : nlohmann::ordered_json(label.reason);
        }
    }
    for (const std::string& note : scored.notes) record.outputs["metric_notes"].push_back(prefix + note);
    if (prefix.empty()) add_collapse(scored.variance_left, record);
}

const char* const holdout_prefix = "holdout_";

}  // namespace

template <class Real>
void score_cells(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                 const std::vector<std::uint32_t>& holdout, Executed& executed) {
    for (const char* of_metrics : {"metric_notes", "per_label", "collapsed"}) executed.record.outputs.erase(of_metrics);
    add_embedding(config, corrected, before, "", executed);
    if (holdout.empty()) return;
    const Dataset<Real> unseen = training::subset(before, holdout);
    const Dataset<Real> scored = training::subset<Real>({corrected, before.batch, {}}, holdout);
    add_embedding(config, scored.cells, unseen, holdout_prefix, executed);
}

void add_missing_scores(const Config& config, bool with_holdout, const std::string& reason, PointRecord& record) {
    for (const char* prefix : {"", holdout_prefix}) {
        if (prefix == holdout_prefix && !with_holdout) continue;
        for (const MetricEntry& metric : config.metrics) {
            for (Score& score : not_applicable(metric_named(metric.type).rows, reason)) {
                score.metric = prefix + score.metric + metric.name.substr(metric.type.size());
                score.version = metric_named(metric.type).version;
                record.scores.push_back(std::move(score));
            }
        }
    }
}

void require_finite(const std::vector<Score>& scores) {
    for (const Score& score : scores) {
        if (score.value && !std::isfinite(*score.value)) throw NumericalError(score.metric + " is not finite");
    }
}

template void score_cells(const Config&, const Matrix<float>&, const Dataset<float>&, const std::vector<std::uint32_t>&,
                          Executed&);
template void score_cells(const Config&, const Matrix<double>&, const Dataset<double>&,
                          const std::vector<std::uint32_t>&, Executed&);

}  // namespace bcbench
