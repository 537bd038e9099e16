// The aggregates of scib-metrics 0.6 and of OpenProblems, from the metrics that are their members.
#include <iterator>

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

// The rows `names`; each is one of the metric that it is named after.
template <class Real>
std::vector<aggregates::Member> members(const std::vector<std::string>& names, const MetricContext<Real>& context) {
    std::vector<aggregates::Member> values;
    for (const std::string& name : names) {
        const MetricDefinition& metric = metric_with_row(name);
        for (const Score& score : computed(metric, defaults_of(metric), context).scores) {
            if (score.metric == name) values.push_back({name, score.value});
        }
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

// ---- OpenProblems

constexpr ScoreRow openproblems_rows[] = {{"openproblems_total", Direction::higher, Group::aggregate},
                                          {"openproblems_batch_correction", Direction::higher, Group::aggregate},
                                          {"openproblems_bio_conservation", Direction::higher, Group::aggregate}};

template <class Real>
MetricOutput compute_openproblems(const json&, const MetricContext<Real>& context) {
    const std::vector<aggregates::Member> batch = members(aggregates::openproblems_batch_correction, context);
    const std::vector<aggregates::Member> bio = members(aggregates::openproblems_bio_conservation, context);
    std::vector<aggregates::Member> all = batch;
    all.insert(all.end(), bio.begin(), bio.end());
    MetricOutput output;
    const std::vector<aggregates::Member>* const of_rows[] = {&all, &batch, &bio};
    for (std::size_t r = 0; r < std::size(of_rows); ++r) {
        const MetricResult mean = aggregates::mean_of(*of_rows[r]);
        output.scores.push_back(row_of(openproblems_rows[r], mean.value, mean.reason));
    }
    return output;
}

}  // namespace

MetricDefinition total() {
    return {"total",
            "0.4 batch_correction + 0.6 bio_conservation, of the ten default metrics of scib-metrics 0.6",
            "batch_correction is the mean of bras, ilisi, kbet_per_label, graph_connectivity and pcr_comparison, "
            "bio_conservation that of isolated_labels, nmi_kmeans, ari_kmeans, silhouette_label and clisi, with their "
            "default parameters and without rescaling. Where a member does not apply neither does the mean: over fewer "
            "members it would be another quantity.",
            rows,
            1,
            {.neighbors = [](const json&) { return std::int64_t{89}; }, .fewer_neighbors_do = true},
            no_parameters,
            compute<float>,
            compute<double>};
}

MetricDefinition openproblems_total() {
    return {"openproblems_total",
            "the mean of what an embedding decides of the metrics of OpenProblems' batch integration task",
            "Every value has the same weight, as there, but none is rescaled by those of the controls, and the "
            "definitions are the defaults here. openproblems_batch_correction is the mean of silhouette_batch, bras, "
            "pcr_comparison, kbet, kbet_pg_label, graph_connectivity, cilisi and cilisi_means, "
            "openproblems_bio_conservation that of silhouette_label, isolated_labels, nmi_leiden, ari_leiden, ksim and "
            "ksim_accept_rate. Where a member does not apply neither does the mean.",
            openproblems_rows,
            1,
            {.neighbors = [](const json&) { return std::int64_t{49}; }, .fewer_neighbors_do = true},
            no_parameters,
            compute_openproblems<float>,
            compute_openproblems<double>};
}

}  // namespace bcbench::metrics
