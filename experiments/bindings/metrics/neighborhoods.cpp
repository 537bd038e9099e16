// Metrics of neighbourhoods: LISI, kBET, kSIM, sBEE, graph connectivity. All look at prefixes of one exact search.
#include "engine/metrics/cilisi.hpp"
#include "engine/metrics/graph_connectivity.hpp"
#include "engine/metrics/kbet/kbet.hpp"
#include "engine/metrics/kbet/per_label.hpp"
#include "engine/metrics/ksim.hpp"
#include "engine/metrics/lisi/lisi.hpp"
#include "engine/metrics/sbee.hpp"
#include "engine/neighbors/umap_graph.hpp"
#include "experiments/bindings/metrics/scib.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

// ---- LISI

constexpr Field<lisi::Options> lisi_fields[] = {
    field<&lisi::Options::n_others>("n_others", at_least(1),
                                    "neighbours of each cell, itself not counted: 89 as scib-metrics, 90 as R's lisi"),
    field<&lisi::Options::perplexity>(
        "perplexity", at_least(1), "neighbours that count, effectively; null: a third of the neighbours and the cell"),
};

constexpr ScoreRow ilisi_rows[] = {{"ilisi", Direction::higher, Group::mixing},
                                   {"lisi_batch_median", Direction::info, Group::detail_of_metric},
                                   {"lisi_batch_mean", Direction::info, Group::detail_of_metric}};
constexpr ScoreRow clisi_rows[] = {{"clisi", Direction::higher, Group::biology},
                                   {"lisi_label_median", Direction::info, Group::detail_of_metric},
                                   {"lisi_label_mean", Direction::info, Group::detail_of_metric}};

template <class Real>
const lisi::Bandwidths& bandwidths(const json& params, const MetricContext<Real>& context) {
    return context.template shared<lisi::Bandwidths>("lisi " + params.dump(), [&] {
        const auto options = options_from(lisi_fields, params);
        return lisi::solve(context.neighbors(options.n_others), options);
    });
}

template <class Real>
MetricOutput compute_ilisi(const json& params, const MetricContext<Real>& context) {
    const NeighborsView neighbors = context.neighbors(params.at("n_others"));
    return output_of(
        ilisi_rows,
        lisi::ilisi(neighbors, bandwidths(params, context), context.batch(), context.ties(params.at("n_others"))),
        {"median", "mean"});
}

template <class Real>
MetricOutput compute_clisi(const json& params, const MetricContext<Real>& context) {
    const NeighborsView neighbors = context.neighbors(params.at("n_others"));
    return output_of(
        clisi_rows,
        lisi::clisi(neighbors, bandwidths(params, context), context.type(), context.ties(params.at("n_others"))),
        {"median", "mean"});
}

std::int64_t n_others(const json& params) { return params.at("n_others"); }

constexpr Field<bcbench::cilisi::Options> cilisi_fields[] = {
    field<&bcbench::cilisi::Options::n_others>(
        "n_others", at_least(3), "neighbours of each cell among the cells of its type, itself not counted"),
};
constexpr ScoreRow cilisi_rows[] = {{"cilisi", Direction::higher, Group::mixing},
                                    {"cilisi_means", Direction::higher, Group::mixing}};

template <class Real>
MetricOutput compute_cilisi(const json& params, const MetricContext<Real>& context) {
    const auto result =
        bcbench::cilisi::evaluate(context.cells, context.type(), context.batch(), options_from(cilisi_fields, params));
    MetricOutput output = output_of(cilisi_rows, result.over_cells);
    MetricOutput means = output_of(std::span(cilisi_rows).subspan(1), result.over_labels);
    output.scores.push_back(std::move(means.scores.front()));
    output.per_label = std::move(means.per_label);
    return output;
}

// ---- kBET

constexpr Field<bcbench::kbet::Options> kbet_fields[] = {
    field<&bcbench::kbet::Options::n_others>(
        "n_others", at_least(1), "neighbours of each cell, itself not counted; more test for coarser mixing"),
    field<&bcbench::kbet::Options::alpha>("alpha", Range{0.0, 1.0, true, true},
                                          "level of the test; larger rejects more"),
};
constexpr Field<bcbench::kbet_per_label::Options> kbet_label_fields[] = {
    field<&bcbench::kbet_per_label::Options::alpha>("alpha", Range{0.0, 1.0, true, true},
                                                    "level of the test; larger rejects more"),
    field<&bcbench::kbet_per_label::Options::n_components>(
        "n_components", at_least(1),
        "eigenvectors of the diffusion embedding; fewer see only the coarse shape of a label"),
};

constexpr ScoreRow kbet_rows[] = {{"kbet", Direction::higher, Group::mixing}};
constexpr ScoreRow kbet_label_rows[] = {{"kbet_per_label", Direction::higher, Group::mixing}};

template <class Real>
MetricOutput compute_kbet(const json& params, const MetricContext<Real>& context) {
    const auto options = options_from(kbet_fields, params);
    return output_of(kbet_rows, bcbench::kbet::evaluate(context.neighbors(options.n_others), context.batch(), options,
                                                        context.ties(options.n_others)));
}

constexpr ScoreRow kbet_pg_label_rows[] = {{"kbet_pg_label", Direction::higher, Group::mixing}};

template <class Real>
MetricOutput compute_kbet_pg_label(const json& params, const MetricContext<Real>& context) {
    return output_of(kbet_pg_label_rows,
                     bcbench::kbet::evaluate_per_label(context.cells, context.type(), context.batch(),
                                                       options_from(kbet_fields, params)));
}

constexpr std::int64_t kbet_graph_others = 49;  // the field's 50 counts the cell

template <class Real>
MetricOutput compute_kbet_per_label(const json& params, const MetricContext<Real>& context) {
    const WeightedGraph& graph = context.template shared<WeightedGraph>(
        "umap 49", [&] { return umap_graph(context.neighbors(kbet_graph_others), {kbet_graph_others}); });
    return output_of(kbet_label_rows, bcbench::kbet_per_label::evaluate(graph, context.type(), context.batch(),
                                                                        options_from(kbet_label_fields, params)));
}

// ---- kSIM, sBEE, graph connectivity

constexpr Field<bcbench::ksim::Options> ksim_fields[] = {
    field<&bcbench::ksim::Options::n_others>(
        "n_others", at_least(1), "neighbours of each cell, itself not counted; more ask for larger pure surroundings"),
    field<&bcbench::ksim::Options::accepted_share>("accepted_share", between(0, 1),
                                                   "share of its own label that is accepted"),
};
constexpr ScoreRow ksim_rows[] = {{"ksim", Direction::higher, Group::biology},
                                  {"ksim_accept_rate", Direction::higher, Group::biology}};

template <class Real>
MetricOutput compute_ksim(const json& params, const MetricContext<Real>& context) {
    const auto options = options_from(ksim_fields, params);
    return output_of(
        ksim_rows,
        bcbench::ksim::evaluate(context.neighbors(options.n_others), context.type(), options,
                                context.ties(bcbench::ksim::others_that_count(options, context.n_cells()))),
        {"accept_rate"});
}

constexpr Field<bcbench::sbee::Options> sbee_fields[] = {
    field<&bcbench::sbee::Options::n_others>("n_others", at_least(1), "neighbours of each cell, itself not counted"),
};
constexpr ScoreRow sbee_rows[] = {{"sbee", Direction::higher, Group::mixing}};

template <class Real>
MetricOutput compute_sbee(const json& params, const MetricContext<Real>& context) {
    const auto options = options_from(sbee_fields, params);
    return output_of(sbee_rows, bcbench::sbee::evaluate(context.cells, context.neighbors(options.n_others),
                                                        context.type(), context.batch(), options));
}

struct ConnectivityOptions {
    std::int64_t n_others = 14;
    bool weak = false;
};
constexpr Field<ConnectivityOptions> connectivity_fields[] = {
    field<&ConnectivityOptions::n_others>("n_others", at_least(1), "neighbours of each cell, itself not counted"),
    field<&ConnectivityOptions::weak>("weak", any_value(),
                                      "edges count both ways, as in scib; false: as they point, as in scib-metrics"),
};
constexpr ScoreRow connectivity_rows[] = {{"graph_connectivity", Direction::higher, Group::mixing}};

template <class Real>
MetricOutput compute_connectivity(const json& params, const MetricContext<Real>& context) {
    const auto options = options_from(connectivity_fields, params);
    using bcbench::graph_connectivity::Connection;
    return output_of(connectivity_rows, bcbench::graph_connectivity::evaluate(
                                            context.neighbors(options.n_others), context.type(),
                                            {options.n_others, options.weak ? Connection::weak : Connection::strong}));
}

}  // namespace

MetricDefinition ilisi() {
    return {"ilisi",
            "how many batches there are, effectively, around the median cell: 1 if all are mixed, 0 if one",
            "LISI of Korsunsky et al. 2019, scaled to [0, 1] as in scib-metrics 0.6: (median - 1) / (batches - 1), on "
            "exact neighbours. Also gives lisi_batch_median and lisi_batch_mean, unscaled.",
            ilisi_rows,
            1,
            {.two_batches = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(lisi_fields); },
            compute_ilisi<float>,
            compute_ilisi<double>};
}

MetricDefinition clisi() {
    return {"clisi",
            "whether the surroundings of the median cell are of one type: 1 if they are",
            "LISI of the types, scaled as in scib-metrics 0.6: (types - median) / (types - 1). Also gives "
            "lisi_label_median and lisi_label_mean, unscaled.",
            clisi_rows,
            1,
            {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(lisi_fields); },
            compute_clisi<float>,
            compute_clisi<double>};
}

MetricDefinition cilisi() {
    return {"cilisi",
            "ilisi inside each type: does not ask for mixing of types that a batch does not have",
            "CiLISI (Andreatta et al. 2024), mean over cells, on neighbours among the cells of the type; the fairest "
            "ilisi where the batches differ in their types. Also gives cilisi_means, the mean over types. Types of "
            "fewer than 10 cells or of one batch are left out. The R package leaves out those of up to 90 cells; here "
            "all other cells of such a type are neighbours.",
            cilisi_rows,
            1,
            {.two_batches = true, .types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(cilisi_fields); },
            compute_cilisi<float>,
            compute_cilisi<double>};
}

MetricDefinition kbet_pg_label() {
    return {"kbet_pg_label",
            "kbet inside each type, on neighbours among its own cells, averaged over types",
            "As OpenProblems has it. Types of one batch are left out.",
            kbet_pg_label_rows,
            1,
            {.two_batches = true, .types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(kbet_fields); },
            compute_kbet_pg_label<float>,
            compute_kbet_pg_label<double>};
}

MetricDefinition kbet() {
    return {"kbet",
            "share of cells whose neighbourhood has the batches in the proportions of the whole",
            "The acceptance rate of kBET (Buettner et al. 2019) on all cells: OpenProblems calls it kbet_pg.",
            kbet_rows,
            1,
            {.two_batches = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(kbet_fields); },
            compute_kbet<float>,
            compute_kbet<double>};
}

MetricDefinition kbet_per_label() {
    return {"kbet_per_label",
            "kBET inside each type, in a diffusion embedding of its part of the graph, averaged over types",
            "As scib-metrics 0.6 defines it, with exact eigenvectors and without three of its slips: there the number "
            "of eigenvectors falls for all labels after a small one, a leading eigenvalue that does not round to 1 "
            "makes a label see density only, and missing neighbours count as the last cell. Types of fewer than 10 "
            "cells or of one batch are left out.",
            kbet_label_rows,
            1,
            {.two_batches = true,
             .types = true,
             .neighbors = [](const json&) { return kbet_graph_others; },
             .fewer_neighbors_do = true},
            [] { return parameters_of(kbet_label_fields); },
            compute_kbet_per_label<float>,
            compute_kbet_per_label<double>};
}

MetricDefinition ksim() {
    return {
        "ksim",
        "mean share of each cell's surroundings that has its type",
        "kSIM of Pegasus (Li et al. 2020), as in OpenProblems: the cell itself counts. Also gives ksim_accept_rate.",
        ksim_rows,
        1,
        {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
        [] { return parameters_of(ksim_fields); },
        compute_ksim<float>,
        compute_ksim<double>};
}

MetricDefinition sbee() {
    return {"sbee",
            "how alike the batches of a type lie, in neighbourhoods and in distances",
            "sBEE of scib-metrics 0.6. All pairs of cells of a type are looked at.",
            sbee_rows,
            1,
            {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(sbee_fields); },
            compute_sbee<float>,
            compute_sbee<double>};
}

MetricDefinition graph_connectivity() {
    return {"graph_connectivity",
            "whether the cells of a type hang together in the graph of neighbours",
            "Share of the cells of a type in its largest component, averaged over types (Luecken et al. 2022). "
            "Strongly connected, as in scib-metrics 0.6.",
            connectivity_rows,
            1,
            {.types = true, .neighbors = n_others, .fewer_neighbors_do = true},
            [] { return parameters_of(connectivity_fields); },
            compute_connectivity<float>,
            compute_connectivity<double>};
}

}  // namespace bcbench::metrics
