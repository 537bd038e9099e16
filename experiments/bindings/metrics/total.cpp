// The aggregates of scib-metrics 0.6, from the metrics that are their members.
#include "engine/metrics/aggregates.hpp"
#include "experiments/bindings/metrics/scib.hpp"
#include "experiments/catalog/parameter.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

constexpr ScoreRow rows[] = {{"total", Direction::higher, Group::aggregate},
                             {"batch_correction", Direction::higher, Group::aggregate},
                             {"bio_conservation", Direction::higher, Group::aggregate}};

json defaults_of(const MetricDefinition& metric) {
    json params = json::object();
    for (const Parameter& parameter : metric.parameters()) params[parameter.name] = parameter.default_value;
    return params;
}

template <class Real>
std::vector<aggregates::Member> members(const std::vector<std::string>& names, const MetricContext<Real>& context) {
    std::vector<aggregates::Member> values;
    for (const std::string& name : names) {
        const MetricDefinition& metric = metric_named(name);
        values.push_back({name, computed(metric, defaults_of(metric), context).scores.front().value});
    }
    return values;
}

template <class Real>
MetricOutput compute(const json&, const MetricContext<Real>& context) {
    const aggregates::Aggregates made = aggregates::aggregate(members(aggregates::scib_batch_correction, context),
                                                              members(aggregates::scib_bio_conservation, context));
    return {{row_of(rows[0], made.total.value, made.total.reason),
             row_of(rows[1], made.batch_correction.value, made.batch_correction.reason),
             row_of(rows[2], made.bio_conservation.value, made.bio_conservation.reason)}};
}

}  // namespace

MetricDefinition total() {
    return {"total",
            "0.4 batch_correction + 0.6 bio_conservation, of the ten default metrics of scib-metrics 0.6",
            "batch_correction is the mean of bras, ilisi, kbet_per_label, graph_connectivity and pcr_comparison, "
            "bio_conservation that of isolated_labels, nmi_kmeans, ari_kmeans, silhouette_label and clisi, with their "
            "default parameters and without rescaling. Where a member does not apply neither does the mean: over fewer "
            "members it "
            "would be another quantity.",
            rows,
            1,
            {.neighbors = [](const json&) { return std::int64_t{89}; }, .fewer_neighbors_do = true},
            no_metric_parameters,
            compute<float>,
            compute<double>};
}

}  // namespace bcbench::metrics
