// Metrics of clusters against types: k-means and Leiden.
#include "engine/metrics/leiden/label_agreement.hpp"
#include "engine/metrics/partitions/agreement.hpp"
#include "engine/metrics/partitions/kmeans.hpp"
#include "engine/neighbors/umap_graph.hpp"
#include "experiments/bindings/metrics/scib.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

struct KmeansOptions {
    std::int64_t n_init = 1;
    std::int64_t seed = 0;
};
constexpr Field<KmeansOptions> kmeans_fields[] = {
    field<&KmeansOptions::n_init>("n_init", at_least(1),
                                  "starts, of which the tightest clusters count; more are steadier"),
    field<&KmeansOptions::seed>("seed", at_least(0), "seed of the starts"),
};

constexpr ScoreRow nmi_kmeans_rows[] = {{"nmi_kmeans", Direction::higher, Group::biology}};
constexpr ScoreRow ari_kmeans_rows[] = {{"ari_kmeans", Direction::higher, Group::biology}};

template <class Real>
const kmeans::Clustering& kmeans_clusters(const json& params, const MetricContext<Real>& context) {
    return context.template shared<kmeans::Clustering>("kmeans " + params.dump(), [&] {
        const auto options = options_from(kmeans_fields, params);
        kmeans::Options wanted;
        wanted.n_init = options.n_init;
        wanted.seed = static_cast<std::uint64_t>(options.seed);
        return kmeans::cluster_as_labels(context.cells, context.type(), wanted);
    });
}

template <class Real>
MetricOutput compute_nmi_kmeans(const json& params, const MetricContext<Real>& context) {
    return output_of(nmi_kmeans_rows, nmi_of(kmeans_clusters(params, context).cluster, context.type()));
}

template <class Real>
MetricOutput compute_ari_kmeans(const json& params, const MetricContext<Real>& context) {
    return output_of(ari_kmeans_rows, ari_of(kmeans_clusters(params, context).cluster, context.type()));
}

// ---- Leiden: the partition of ten resolutions that agrees best with the types

struct LeidenOptions {
    std::int64_t n_others = 14;
    std::int64_t seed = 0;
};
constexpr Field<LeidenOptions> leiden_fields[] = {
    field<&LeidenOptions::n_others>("n_others", at_least(1),
                                    "neighbours in the graph of each cell, itself not counted"),
    field<&LeidenOptions::seed>("seed", at_least(0), "seed of the clustering"),
};

template <class Real>
const leiden::Agreement& leiden_agreement(const json& params, const MetricContext<Real>& context) {
    return context.template shared<leiden::Agreement>("leiden " + params.dump(), [&] {
        const auto options = options_from(leiden_fields, params);
        const WeightedGraph graph = umap_graph(context.neighbors(options.n_others), {options.n_others});
        leiden::AgreementOptions wanted;
        wanted.seed = static_cast<std::uint64_t>(options.seed);
        return leiden::agreement(graph, context.type(), wanted);
    });
}

constexpr ScoreRow nmi_leiden_rows[] = {{"nmi_leiden", Direction::higher, Group::biology},
                                        {"leiden_resolution", Direction::info, Group::detail_of_metric}};
constexpr ScoreRow ari_leiden_rows[] = {{"ari_leiden", Direction::higher, Group::biology}};

template <class Real>
MetricOutput compute_nmi_leiden(const json& params, const MetricContext<Real>& context) {
    return output_of(nmi_leiden_rows, leiden_agreement(params, context).nmi, {"resolution"});
}

template <class Real>
MetricOutput compute_ari_leiden(const json& params, const MetricContext<Real>& context) {
    return output_of(ari_leiden_rows, leiden_agreement(params, context).ari);
}

std::int64_t n_others(const json& params) { return params.at("n_others"); }

}  // namespace

MetricDefinition nmi_kmeans() {
    return {"nmi_kmeans",
            "normalised mutual information of k-means clusters and types",
            "As many clusters as types; the draws, and so the clusters, of scib-metrics 0.6.",
            nmi_kmeans_rows,
            1,
            {.types = true},
            [] { return parameters_of(kmeans_fields); },
            compute_nmi_kmeans<float>,
            compute_nmi_kmeans<double>};
}

MetricDefinition ari_kmeans() {
    return {"ari_kmeans",
            "adjusted Rand index of k-means clusters and types",
            "As many clusters as types; the draws, and so the clusters, of scib-metrics 0.6.",
            ari_kmeans_rows,
            1,
            {.types = true},
            [] { return parameters_of(kmeans_fields); },
            compute_ari_kmeans<float>,
            compute_ari_kmeans<double>};
}

MetricDefinition nmi_leiden() {
    return {"nmi_leiden",
            "normalised mutual information of Leiden clusters and types, at the best of ten resolutions",
            "Resolutions 0.2 to 2.0 on modularity, two iterations: optimistic by design (Luecken et al. 2022). Our own "
            "Leiden (Traag et al. 2019): its draws are others than those of igraph, whose values spread over its "
            "seeds. Also gives leiden_resolution.",
            nmi_leiden_rows,
            1,
            {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(leiden_fields); },
            compute_nmi_leiden<float>,
            compute_nmi_leiden<double>};
}

MetricDefinition ari_leiden() {
    return {"ari_leiden",
            "adjusted Rand index of Leiden clusters and types, at the resolution of the best nmi_leiden",
            "See nmi_leiden.",
            ari_leiden_rows,
            1,
            {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(leiden_fields); },
            compute_ari_leiden<float>,
            compute_ari_leiden<double>};
}

}  // namespace bcbench::metrics
