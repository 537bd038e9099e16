// The table of metrics.
#include <cstdio>
#include <stdexcept>
#include <type_traits>

#include "experiments/bindings/metric.hpp"

namespace bcbench {

namespace metrics {  // in the folder metrics/

MetricDefinition batch_mixing_entropy();
MetricDefinition mean_shift();
MetricDefinition type_purity();
MetricDefinition mixing_ceiling();
MetricDefinition ilisi();
MetricDefinition clisi();
MetricDefinition cilisi();
MetricDefinition silhouette_label();
MetricDefinition silhouette_batch();
MetricDefinition bras();
MetricDefinition isolated_labels();
MetricDefinition graph_connectivity();
MetricDefinition kbet();
MetricDefinition kbet_per_label();
MetricDefinition kbet_pg_label();
MetricDefinition pcr_comparison();
MetricDefinition nmi_kmeans();
MetricDefinition ari_kmeans();
MetricDefinition nmi_leiden();
MetricDefinition ari_leiden();
MetricDefinition sbee();
MetricDefinition ksim();
MetricDefinition batch_variance_share();
MetricDefinition mmd_unbiased();
MetricDefinition tied_share();
MetricDefinition total();
MetricDefinition openproblems_total();

}  // namespace metrics

std::span<const MetricDefinition> metric_table() {
    static const MetricDefinition table[] = {
        metrics::batch_mixing_entropy(),
        metrics::mean_shift(),
        metrics::type_purity(),
        metrics::mixing_ceiling(),
        metrics::ilisi(),
        metrics::clisi(),
        metrics::cilisi(),
        metrics::silhouette_label(),
        metrics::silhouette_batch(),
        metrics::bras(),
        metrics::isolated_labels(),
        metrics::graph_connectivity(),
        metrics::kbet(),
        metrics::kbet_per_label(),
        metrics::kbet_pg_label(),
        metrics::pcr_comparison(),
        metrics::nmi_kmeans(),
        metrics::ari_kmeans(),
        metrics::nmi_leiden(),
        metrics::ari_leiden(),
        metrics::sbee(),
        metrics::ksim(),
        metrics::batch_variance_share(),
        metrics::mmd_unbiased(),
        metrics::tied_share(),
        metrics::total(),
        metrics::openproblems_total(),
    };
    return table;
}

std::span<const MetricPreset> metric_presets() {
    static const MetricPreset presets[] = {
        {"diffbio",
         "the documented system and what keeps its values honest: what a config without metrics gets",
         {"batch_mixing_entropy", "mean_shift", "type_purity", "mixing_ceiling", "batch_variance_share",
          "mmd_unbiased"}},
        {"scib-metrics-0.6",
         "the default metrics of the Python package scib-metrics 0.6, exact, and their aggregates",
         {"isolated_labels", "nmi_kmeans", "ari_kmeans", "silhouette_label", "clisi", "bras", "ilisi", "kbet_per_label",
          "graph_connectivity", "pcr_comparison", "total"}},
        {"openproblems",
         "what an embedding decides of the metrics of OpenProblems' batch integration task, and their means",
         {"silhouette_label", "silhouette_batch", "bras", "isolated_labels", "graph_connectivity", "nmi_leiden",
          "ari_leiden", "pcr_comparison", "kbet", "kbet_pg_label", "ksim", "cilisi", "openproblems_total"}},
    };
    return presets;
}

const MetricDefinition& metric_named(const std::string& type) {
    for (const MetricDefinition& entry : metric_table()) {
        if (type == entry.name) return entry;
    }
    throw std::invalid_argument("there is no metric '" + type + "'");
}

const MetricDefinition& metric_with_row(const std::string& name) {
    for (const MetricDefinition& entry : metric_table()) {
        for (const ScoreRow& row : entry.rows) {
            if (name == row.name) return entry;
        }
    }
    throw std::invalid_argument("no metric gives the value '" + name + "'");
}

arma::uword neighbors_needed(const MetricDefinition& metric, const nlohmann::json& params) {
    return metric.needs.neighbors == nullptr ? 0 : static_cast<arma::uword>(metric.needs.neighbors(params));
}

namespace {

constexpr double most_tied_pairs = 0.9;  // of all pairs of cells: beyond, there are no neighbourhoods

// Why there are no neighbourhoods of k cells, or nothing.
template <class Real>
std::string without_neighborhoods(arma::uword k, const MetricContext<Real>& context) {
    const double share = context.ties(static_cast<std::int64_t>(k)).share_of_pairs(context.n_cells());
    if (share <= most_tied_pairs) return "";
    char percent[32];
    std::snprintf(percent, sizeof percent, "%.1f %%", 100.0 * share);
    return "there are no neighbourhoods: " + std::string(percent) + " of all pairs of cells tie at the distance of " +
           "the last of " + std::to_string(k) + " neighbours, more than 90 %";
}

// What the data lack, or nothing.
template <class Real>
std::string missing(const MetricDefinition& metric, const nlohmann::json& params, const MetricContext<Real>& context) {
    if (metric.needs.two_batches && context.batch().count() < 2) return needs_two_batches;
    if (metric.needs.before && context.before.is_empty()) return "needs the uncorrected cells, which are not given";
    if (metric.needs.types && context.type().empty()) return "needs cell types, the dataset has none";
    const arma::uword k = neighbors_needed(metric, params);
    if (k == 0) return "";
    if (k < context.n_cells() || (metric.needs.fewer_neighbors_do && context.n_cells() > 1)) {
        return metric.needs.any_ties_do ? "" : without_neighborhoods(k, context);
    }
    return "needs more than " + std::to_string(k) + " cells for " + std::to_string(k) +
           " neighbours, the dataset has " + std::to_string(context.n_cells());
}

}  // namespace

template <class Real>
MetricOutput compute_metric(const MetricDefinition& metric, const nlohmann::json& params,
                            const MetricContext<Real>& context) {
    const std::string reason = missing(metric, params, context);
    if (!reason.empty()) return {not_applicable(metric.rows, reason)};
    if constexpr (std::is_same_v<Real, float>) {
        return metric.compute_float(params, context);
    } else {
        return metric.compute_double(params, context);
    }
}

template MetricOutput compute_metric(const MetricDefinition&, const nlohmann::json&, const MetricContext<float>&);
template MetricOutput compute_metric(const MetricDefinition&, const nlohmann::json&, const MetricContext<double>&);

}  // namespace bcbench
