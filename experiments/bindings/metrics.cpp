// The table of metrics.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "engine/core/unlabelled.hpp"
#include "engine/datasets/cell_names.hpp"
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

// Metrics of the graph of neighbours, which has k of the cells that tie for the last places. All others average.
constexpr const char* of_the_graph[] = {"graph_connectivity", "kbet_per_label", "nmi_leiden", "ari_leiden", "sbee"};
constexpr double many_tied_cells = 0.1;  // of all cells: beyond, it is said

// What must be said of a metric whose neighbours follow from the order of the cells, or nothing.
template <class Real>
std::string note_on_order(const MetricDefinition& metric, const nlohmann::json& params,
                          const MetricContext<Real>& context) {
    if (std::find(std::begin(of_the_graph), std::end(of_the_graph), std::string_view(metric.name)) ==
        std::end(of_the_graph))
        return "";
    const auto k = static_cast<std::int64_t>(neighbors_needed(metric, params));
    const double share = static_cast<double>(context.ties(k).cells.size()) /
                         static_cast<double>(std::max<std::size_t>(context.n_cells(), 1));
    if (share <= many_tied_cells) return "";
    char percent[32];
    std::snprintf(percent, sizeof percent, "%.1f %%", 100.0 * share);
    return std::string(metric.name) + ": " + percent + " of the cells have others that tie for the last of their " +
           std::to_string(k) + " neighbours; which of them are neighbours follows from the order of the cells";
}

// What the data lack, or nothing.
template <class Real>
std::string missing(const MetricDefinition& metric, const nlohmann::json& params, const MetricContext<Real>& context) {
    if (metric.needs.two_batches && labels_with_cells(context.batch()) < 2) return needs_two_batches;
    if (metric.needs.before && context.before.is_empty()) return "needs the uncorrected cells, which are not given";
    if (metric.needs.types && context.type().empty()) return "needs cell types, the dataset has none";
    if (metric.needs.types && count_unlabelled(context.type()) == context.n_cells())
        return "needs cell types, and no cell has one";
    const arma::uword k = neighbors_needed(metric, params);
    if (k == 0) return "";
    if (k < context.n_cells() || (metric.needs.fewer_neighbors_do && context.n_cells() > 1)) {
        return metric.needs.any_ties_do ? "" : without_neighborhoods(k, context);
    }
    return "needs more than " + std::to_string(k) + " cells for " + std::to_string(k) +
           " neighbours, the dataset has " + std::to_string(context.n_cells());
}

}  // namespace

namespace {

// The cells that have a type, and what a metric may look at of them.
template <class Real>
struct TypedPart {
    explicit TypedPart(const MetricContext<Real>& all)
        : places(typed_cells(all.type())),
          data{all.as_given.cols(arma::conv_to<arma::uvec>::from(places)), labels_at(all.batch(), places),
               labels_at(all.type(), places)},
          context(data.cells, before, data, all.most_neighbors()) {}

    static std::vector<std::size_t> typed_cells(const Labels& type) {
        const std::vector<std::uint32_t> cells = labelled_cells(type);
        return {cells.begin(), cells.end()};
    }

    const std::vector<std::size_t> places;  // in the whole
    const Matrix<Real> before;              // no metric on types looks at it
    const Dataset<Real> data;
    const MetricContext<Real> context;
};

template <class Real>
const TypedPart<Real>* typed_part_of(const MetricContext<Real>& all) {
    using Part = std::shared_ptr<const TypedPart<Real>>;
    return all
        .template shared<Part>("typed part",
                               [&]() -> Part {
                                   const std::size_t n_unlabelled = count_unlabelled(all.type());
                                   if (n_unlabelled == 0 || n_unlabelled == all.n_cells()) return nullptr;
                                   return std::make_shared<const TypedPart<Real>>(all);
                               })
        .get();
}

// Of the cells that have a type, as of all cells: the others have no values.
template <class Real>
MetricOutput of_typed_cells(const MetricDefinition& metric, const nlohmann::json& params, const TypedPart<Real>& part,
                            std::size_t n_cells) {
    MetricOutput output = compute_metric(metric, params, part.context);
    for (PerCell& values : output.per_cell) {
        std::vector<double> all(n_cells, std::numeric_limits<double>::quiet_NaN());
        for (std::size_t i = 0; i < part.places.size(); ++i) all[part.places[i]] = values.values[i];
        values.values = std::move(all);
    }
    output.notes.push_back(std::string(metric.name) + " leaves out " + std::to_string(n_cells - part.places.size()) +
                           " of " + std::to_string(n_cells) + " cells, which have no type");
    return output;
}

}  // namespace

template <class Real>
const MetricContext<Real>* typed_part(const MetricContext<Real>& context) {
    const TypedPart<Real>* part = typed_part_of(context);
    return part == nullptr ? nullptr : &part->context;
}

template const MetricContext<float>* typed_part(const MetricContext<float>&);
template const MetricContext<double>* typed_part(const MetricContext<double>&);

template <class Real>
MetricOutput compute_metric(const MetricDefinition& metric, const nlohmann::json& params,
                            const MetricContext<Real>& context) {
    if (metric.needs.types) {
        const TypedPart<Real>* part = typed_part_of(context);
        if (part != nullptr) return of_typed_cells(metric, params, *part, context.n_cells());
    }
    const std::string reason = missing(metric, params, context);
    if (!reason.empty()) return {not_applicable(metric.rows, reason)};
    MetricOutput output;
    if constexpr (std::is_same_v<Real, float>) {
        output = metric.compute_float(params, context);
    } else {
        output = metric.compute_double(params, context);
    }
    const std::string note = note_on_order(metric, params, context);
    if (!note.empty()) output.notes.push_back(note);
    return output;
}

template MetricOutput compute_metric(const MetricDefinition&, const nlohmann::json&, const MetricContext<float>&);
template MetricOutput compute_metric(const MetricDefinition&, const nlohmann::json&, const MetricContext<double>&);

}  // namespace bcbench
