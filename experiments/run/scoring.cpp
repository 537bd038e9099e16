#include "experiments/run/scoring.hpp"

#include <algorithm>
#include <cmath>
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
    require_finite(record.scores);
}

const char* const holdout_prefix = "holdout_";

}  // namespace

template <class Real>
void score_cells(const Config& config, const Matrix<Real>& corrected, const Dataset<Real>& before,
                 const std::vector<std::uint32_t>& holdout, PointRecord& record) {
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
