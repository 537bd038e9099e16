#include "experiments/run/score_embedding.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "engine/core/check.hpp"
#include "experiments/run/scoring.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/csv_field.hpp"

namespace bcbench {

namespace {

void require_labels_of(arma::uword n_cells, const Labels& labels, const char* what) {
    if (labels.empty() || labels.code.size() == n_cells) return;
    throw std::invalid_argument("there are " + std::to_string(labels.code.size()) + " " + what + " labels of " +
                                std::to_string(n_cells) + " cells, expected one of each");
}

template <class Real>
void require_usable(const Matrix<Real>& cells, const Matrix<Real>& before, const Dataset<Real>& labels) {
    if (cells.is_empty()) throw std::invalid_argument("an embedding without cells or features has no scores");
    require_finite(cells, "the embedding");
    if (!before.is_empty()) {
        if (before.n_cols != cells.n_cols) {
            throw std::invalid_argument("there are " + std::to_string(before.n_cols) + " cells before and " +
                                        std::to_string(cells.n_cols) + " after the correction, expected the same");
        }
        require_finite(before, "the embedding before the correction");
    }
    require_labels_of(cells.n_cols, labels.batch, "batch");
    require_labels_of(cells.n_cols, labels.type, "type");
}

// The most neighbours that any metric looks at: one search serves all.
arma::uword most_neighbors(const std::vector<MetricEntry>& metrics, arma::uword n_cells) {
    arma::uword most = 0;
    for (const MetricEntry& metric : metrics) {
        const MetricDefinition& definition = metric_named(metric.type);
        const arma::uword needed = neighbors_needed(definition, metric.params);
        if (needed < n_cells || definition.needs.fewer_neighbors_do) most = std::max(most, needed);
    }
    return most;
}

// Parameters other than the defaults become part of the names: "type_purity(n_neighbors=30)".
void complete(MetricOutput& output, const MetricEntry& metric) {
    const std::string suffix = metric.name.substr(metric.type.size());
    for (Score& score : output.scores) {
        score.metric += suffix;
        score.version = metric_named(metric.type).version;
    }
    for (PerCell& values : output.per_cell) values.name += suffix;
    for (PerLabel& label : output.per_label) label.name += suffix;
}

// The labels, all cells in one batch where batches are not known.
template <class Real>
Dataset<Real> with_batch(const Dataset<Real>& labels, arma::uword n_cells) {
    return {{}, {std::vector<std::uint32_t>(n_cells, 0), {"all"}}, labels.type, labels.about};
}

// The share of cells that tie, where there are any and it is not asked for.
template <class Real>
void add_tied_shares(const std::vector<MetricEntry>& metrics, const MetricContext<Real>& context,
                     std::vector<ScoredMetric>& scored) {
    const MetricDefinition& tied = metric_named("tied_share");
    std::set<std::int64_t> counts;  // of neighbours
    for (const MetricEntry& metric : metrics) {
        const auto k = static_cast<std::int64_t>(neighbors_needed(metric_named(metric.type), metric.params));
        if (k > 0 && static_cast<std::size_t>(k) < context.n_cells()) counts.insert(k);
    }
    for (const MetricEntry& metric : metrics) {
        if (metric.type == tied.name) counts.erase(metric.params.at("n_neighbors").get<std::int64_t>());
    }
    for (const std::int64_t k : counts) {
        if (context.ties(k).cells.empty()) continue;
        const Parameter usual = tied.parameters().front();
        const std::string name =
            std::string(tied.name) + (usual.default_value == k ? "" : "(n_neighbors=" + std::to_string(k) + ")");
        const MetricEntry entry{name, tied.name, {{"n_neighbors", k}}};
        scored.push_back({tied.name, computed(tied, entry.params, context)});
        complete(scored.back().output, entry);
    }
}

}  // namespace

template <class Real>
ScoredEmbedding score_embedding(const Matrix<Real>& cells, const Matrix<Real>& before, const Dataset<Real>& labels,
                                const std::vector<MetricEntry>& metrics,
                                const std::function<void(const std::string& name)>& begins) {
    require_usable(cells, before, labels);
    const bool is_complete = !labels.batch.empty();
    const Dataset<Real> completed = is_complete ? Dataset<Real>() : with_batch(labels, cells.n_cols);
    const MetricContext<Real> context(cells, before, is_complete ? labels : completed,
                                      most_neighbors(metrics, cells.n_cols));
    ScoredEmbedding scored;
    for (const MetricEntry& metric : metrics) {
        if (begins) begins(metric.name);
        scored.metrics.push_back({metric.type, computed(metric_named(metric.type), metric.params, context)});
        complete(scored.metrics.back().output, metric);
        require_finite(scored.metrics.back().output.scores);
    }
    add_tied_shares(metrics, context, scored.metrics);
    scored.variance_left = context.variance_left();
    if (context.exponent != 0) {
        scored.notes.push_back("metrics are of the cells times 2^" + std::to_string(context.exponent) +
                               ", for squares of their differences leave the range of numbers");
    }
    return scored;
}

std::string per_cell_csv(const Labels& batch, const Labels& type, std::size_t n_cells,
                         const std::vector<ScoredMetric>& metrics) {
    std::vector<const PerCell*> columns;
    for (const ScoredMetric& metric : metrics) {
        for (const PerCell& values : metric.output.per_cell) columns.push_back(&values);
    }
    std::string text = "cell,batch,type";
    for (const PerCell* column : columns) text += ',' + csv_field(column->name);
    text += '\n';
    const auto name_at = [](const Labels& labels, std::size_t i) {
        return labels.empty() ? "" : csv_field(labels.names[labels.code[i]]);
    };
    for (std::size_t i = 0; i < n_cells; ++i) {
        text += std::to_string(i) + ',' + name_at(batch, i) + ',' + name_at(type, i);
        for (const PerCell* column : columns) {
            text += ',';
            if (std::isfinite(column->values[i])) text += number_text(column->values[i]);
        }
        text += '\n';
    }
    return text;
}

template ScoredEmbedding score_embedding(const Matrix<float>&, const Matrix<float>&, const Dataset<float>&,
                                         const std::vector<MetricEntry>&,
                                         const std::function<void(const std::string&)>&);
template ScoredEmbedding score_embedding(const Matrix<double>&, const Matrix<double>&, const Dataset<double>&,
                                         const std::vector<MetricEntry>&,
                                         const std::function<void(const std::string&)>&);

}  // namespace bcbench
