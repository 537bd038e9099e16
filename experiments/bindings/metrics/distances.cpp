// Metrics of distances and variances: silhouettes, BRAS, isolated labels, PCR.
#include "engine/metrics/pcr.hpp"
#include "engine/metrics/silhouettes/bras.hpp"
#include "engine/metrics/silhouettes/isolated_labels.hpp"
#include "engine/metrics/silhouettes/silhouette.hpp"
#include "experiments/bindings/metrics/scib.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

// One pass over all pairs of cells serves three metrics.
template <class Real>
const silhouette::DistanceSums& distance_sums(const MetricContext<Real>& context) {
    return context.template shared<silhouette::DistanceSums>(
        "silhouette", [&] { return silhouette::measure(context.cells, context.type(), context.batch()); });
}

constexpr ScoreRow label_rows[] = {{"silhouette_label", Direction::higher, Group::biology}};
constexpr ScoreRow batch_rows[] = {{"silhouette_batch", Direction::higher, Group::mixing}};
constexpr ScoreRow bras_rows[] = {{"bras", Direction::higher, Group::mixing}};
constexpr ScoreRow isolated_rows[] = {{"isolated_labels", Direction::higher, Group::biology}};
constexpr ScoreRow pcr_rows[] = {{"pcr_comparison", Direction::higher, Group::mixing},
                                 {"pcr_share_before", Direction::info, Group::detail_of_metric},
                                 {"pcr_share_after", Direction::info, Group::detail_of_metric}};

template <class Real>
MetricOutput compute_label(const json&, const MetricContext<Real>& context) {
    return output_of(label_rows, silhouette::silhouette_label(distance_sums(context)));
}

template <class Real>
MetricOutput compute_batch(const json&, const MetricContext<Real>& context) {
    return output_of(batch_rows, silhouette::silhouette_batch(distance_sums(context)));
}

struct BrasOptions {
    bool furthest = false;
};
constexpr Field<BrasOptions> bras_fields[] = {
    field<&BrasOptions::furthest>("furthest", any_value(),
                                  "compare with the furthest other batch; false: with the cells of all other batches"),
};

template <class Real>
MetricOutput compute_bras(const json& params, const MetricContext<Real>& context) {
    const bool furthest = options_from(bras_fields, params).furthest;
    using bcbench::bras::Between;
    return output_of(bras_rows, bcbench::bras::evaluate(context.cells, context.type(), context.batch(),
                                                        {furthest ? Between::furthest : Between::mean_other}));
}

constexpr Field<bcbench::isolated_labels::Options> isolated_fields[] = {
    field<&bcbench::isolated_labels::Options::n_max_batches>(
        "n_max_batches", at_least(1),
        "a type in at most this many batches is isolated; null: the fewest that any type is in"),
};

template <class Real>
MetricOutput compute_isolated(const json& params, const MetricContext<Real>& context) {
    return output_of(isolated_rows,
                     bcbench::isolated_labels::evaluate(distance_sums(context), options_from(isolated_fields, params)));
}

template <class Real>
MetricOutput compute_pcr(const json&, const MetricContext<Real>& context) {
    return output_of(pcr_rows, bcbench::pcr_comparison(context.before, context.cells, context.batch()),
                     {"share_before", "share_after"});
}

}  // namespace

MetricDefinition silhouette_label() {
    return {"silhouette_label",
            "how far types lie apart: (mean silhouette + 1) / 2",
            "Euclidean, over all pairs of cells (Rousseeuw 1987), scaled as in scib-metrics 0.6. Products in single "
            "precision: exact to 1e-6.",
            label_rows,
            1,
            {.types = true},
            no_parameters,
            compute_label<float>,
            compute_label<double>};
}

MetricDefinition silhouette_batch() {
    return {"silhouette_batch",
            "how alike the batches of a type lie: 1 - |silhouette| inside each type",
            "Euclidean, as in scib (Luecken et al. 2022) and scib-metrics before 0.5.6; bras takes its place there.",
            batch_rows,
            1,
            {.two_batches = true, .types = true},
            no_parameters,
            compute_batch<float>,
            compute_batch<double>};
}

MetricDefinition bras() {
    return {"bras",
            "batch silhouette inside each type with cosine distances, against all other batches together",
            "Rautenstrauch and Ohler 2025, as in scib-metrics 0.6; a cell at the origin has distance 1 to every other "
            "cell (there it spoils its type). Cosine distances are about the origin: it matters whether cells are "
            "centred. No pair of cells is computed.",
            bras_rows,
            1,
            {.two_batches = true, .types = true},
            [] { return parameters_of(bras_fields); },
            compute_bras<float>,
            compute_bras<double>};
}

MetricDefinition isolated_labels() {
    return {
        "isolated_labels",
        "silhouette of the types that occur in the fewest batches",
        "As in scib-metrics 0.6 (Luecken et al. 2022). Where all types occur in equally many batches all are isolated.",
        isolated_rows,
        1,
        {.types = true},
        [] { return parameters_of(isolated_fields); },
        compute_isolated<float>,
        compute_isolated<double>};
}

MetricDefinition pcr_comparison() {
    return {"pcr_comparison",
            "share of the variance between batches that the correction removed",
            "Principal component regression on all components has a closed form, the share of variance between "
            "batches: no component is computed, and no batch is too small (scib-metrics drops small ones of large "
            "data). Also gives the shares before and after.",
            pcr_rows,
            1,
            {.two_batches = true, .before = true},
            no_parameters,
            compute_pcr<float>,
            compute_pcr<double>};
}

}  // namespace bcbench::metrics
