// The metrics of the documented system, and the ceiling of mixing.
#include <cmath>

#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/mean_shift.hpp"
#include "engine/metrics/mixing_ceiling.hpp"
#include "engine/metrics/type_purity.hpp"
#include "experiments/bindings/fields.hpp"
#include "experiments/bindings/metric.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

struct NeighborOptions {
    std::int64_t n_neighbors = 10;
};

constexpr Field<NeighborOptions> neighbor_fields[] = {
    field<&NeighborOptions::n_neighbors>(
        "n_neighbors", at_least(1),
        "nearest neighbours around each cell, itself excluded; more look at a wider surrounding"),
};

struct CeilingOptions {
    std::int64_t n_neighbors = 10;
    std::int64_t n_permutations = 10;
    std::int64_t seed = 0;
};

constexpr Field<CeilingOptions> ceiling_fields[] = {
    field<&CeilingOptions::n_neighbors>("n_neighbors", at_least(1),
                                        "nearest neighbours around each cell, itself excluded"),
    field<&CeilingOptions::n_permutations>("n_permutations", between(1, 1e6),
                                           "permutations averaged; more are steadier"),
    field<&CeilingOptions::seed>("seed", at_least(0), "seed of the permutations"),
};

std::int64_t n_neighbors(const json& params) { return params.at("n_neighbors"); }

constexpr ScoreRow mixing_rows[] = {{"batch_mixing_entropy", Direction::higher, Group::mixing},
                                    {"perfect_mixing", Direction::info, Group::reference}};
constexpr ScoreRow shift_rows[] = {{"mean_shift", Direction::lower, Group::means}};
constexpr ScoreRow purity_rows[] = {{"type_purity", Direction::higher, Group::biology}};
constexpr ScoreRow ceiling_rows[] = {{"mixing_ceiling", Direction::info, Group::other}};

template <class Real>
MetricOutput compute_mixing(const json& params, const MetricContext<Real>& context) {
    const NeighborsView neighbors = context.neighbors(n_neighbors(params));
    return {{score(mixing_rows[0],
                   bcbench::batch_mixing_entropy(neighbors, context.batch(), context.ties(n_neighbors(params)))),
             score(mixing_rows[1], perfect_mixing(context.batch()))}};
}

template <class Real>
MetricOutput compute_purity(const json& params, const MetricContext<Real>& context) {
    return {{score(purity_rows[0], bcbench::type_purity(context.neighbors(n_neighbors(params)), context.type(),
                                                        context.ties(n_neighbors(params))))}};
}

template <class Real>
MetricOutput compute_ceiling(const json& params, const MetricContext<Real>& context) {
    const auto options = options_from(ceiling_fields, params);
    return {{score(ceiling_rows[0], bcbench::mixing_ceiling(
                                        context.neighbors(options.n_neighbors), context.batch(), context.type(),
                                        static_cast<std::uint32_t>(options.n_permutations),
                                        static_cast<std::uint64_t>(options.seed), context.ties(options.n_neighbors)))}};
}

template <class Real>
MetricOutput compute_mean_shift(const json&, const MetricContext<Real>& context) {
    const std::vector<double> means = batch_means(context.as_given, context.batch());
    MetricOutput output;
    for (std::size_t b = 0; b < means.size(); ++b) {
        const std::string name = "batch_mean_" + std::to_string(b);
        const ScoreRow row{name.c_str(), Direction::info, Group::means};
        output.scores.push_back(std::isnan(means[b]) ? not_applicable(row, "the batch has no cells")
                                                     : score(row, means[b]));
    }
    output.scores.push_back(labels_with_cells(context.batch()) < 2 ? not_applicable(shift_rows[0], needs_two_batches)
                                                                   : score(shift_rows[0], bcbench::mean_shift(means)));
    return output;
}

}  // namespace

MetricDefinition batch_mixing_entropy() {
    return {"batch_mixing_entropy",
            "entropy of the batches among each cell's nearest neighbours, in nats",
            "Exact Euclidean neighbours; where several cells tie for the last places, shares are averaged over all of "
            "them, and tied_share says of how many cells. Shares are clipped to [1e-8, 1], so nothing mixed gives "
            "1.842e-07 for two batches. Also gives perfect_mixing, ln of the number of batches.",
            mixing_rows,
            1,
            {.two_batches = true, .neighbors = n_neighbors},
            [] { return parameters_of(neighbor_fields); },
            compute_mixing<float>,
            compute_mixing<double>};
}

MetricDefinition mean_shift() {
    return {"mean_shift",
            "largest difference between the mean expression of two batches",
            "Also gives batch_mean_<b>, the mean over all entries of the cells of batch b.",
            shift_rows,
            1,
            {},
            no_parameters,
            compute_mean_shift<float>,
            compute_mean_shift<double>};
}

MetricDefinition type_purity() {
    return {"type_purity",
            "share of each cell's nearest neighbours that have its type",
            "",
            purity_rows,
            1,
            {.types = true, .neighbors = n_neighbors},
            [] { return parameters_of(neighbor_fields); },
            compute_purity<float>,
            compute_purity<double>};
}

MetricDefinition mixing_ceiling() {
    return {"mixing_ceiling",
            "mixing entropy after permuting batches inside types: what a perfect correction reaches",
            "Averaged over permutations. Mixing above it means over-interleaved batches. Without types, batches are "
            "permuted among all cells.",
            ceiling_rows,
            1,
            {.two_batches = true, .neighbors = n_neighbors},
            [] { return parameters_of(ceiling_fields); },
            compute_ceiling<float>,
            compute_ceiling<double>};
}

}  // namespace bcbench::metrics
