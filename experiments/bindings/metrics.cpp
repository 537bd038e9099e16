#include "experiments/bindings/metrics.hpp"

#include <stdexcept>

#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/mean_shift.hpp"
#include "engine/metrics/mixing_ceiling.hpp"
#include "engine/metrics/type_purity.hpp"
#include "experiments/bindings/fields.hpp"

namespace bcbench {

namespace {

using nlohmann::json;

const char* const needs_two_batches = "needs at least two batches, the dataset has one";

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

// Why the metric cannot look at `k` neighbours, or nothing.
std::string too_few_cells(std::int64_t k, const MetricInput& input) {
    if (static_cast<std::size_t>(k) < input.batch.code.size()) return "";
    return "needs more than " + std::to_string(k) + " cells for " + std::to_string(k) +
           " neighbours, the dataset has " + std::to_string(input.batch.code.size());
}

Neighbors nearest(const Neighbors& neighbors, std::int64_t k) {
    Neighbors head;
    head.index = neighbors.index.head_rows(static_cast<arma::uword>(k));
    return head;
}

constexpr ScoreRow mixing_rows[] = {{"batch_mixing_entropy", Direction::higher}, {"perfect_mixing", Direction::info}};
constexpr ScoreRow shift_rows[] = {{"mean_shift", Direction::lower}};
constexpr ScoreRow purity_rows[] = {{"type_purity", Direction::higher}};
constexpr ScoreRow ceiling_rows[] = {{"mixing_ceiling", Direction::info}};

std::vector<Score> compute_mixing(const json& params, const MetricInput& input) {
    const auto options = options_from(neighbor_fields, params);
    std::string reason = input.batch.count() < 2 ? needs_two_batches : too_few_cells(options.n_neighbors, input);
    if (!reason.empty()) return not_applicable(mixing_rows, reason);
    const double entropy = batch_mixing_entropy(nearest(input.neighbors, options.n_neighbors), input.batch);
    return {score("batch_mixing_entropy", entropy, Direction::higher),
            score("perfect_mixing", perfect_mixing(input.batch), Direction::info)};
}

std::vector<Score> compute_purity(const json& params, const MetricInput& input) {
    const auto options = options_from(neighbor_fields, params);
    std::string reason =
        input.type.empty() ? "needs cell types, the dataset has none" : too_few_cells(options.n_neighbors, input);
    if (!reason.empty()) return not_applicable(purity_rows, reason);
    return {score("type_purity", type_purity(nearest(input.neighbors, options.n_neighbors), input.type),
                  Direction::higher)};
}

std::vector<Score> compute_ceiling(const json& params, const MetricInput& input) {
    const auto options = options_from(ceiling_fields, params);
    std::string reason = input.batch.count() < 2 ? needs_two_batches : too_few_cells(options.n_neighbors, input);
    if (!reason.empty()) return not_applicable(ceiling_rows, reason);
    const double ceiling =
        mixing_ceiling(nearest(input.neighbors, options.n_neighbors), input.batch, input.type,
                       static_cast<std::uint32_t>(options.n_permutations), static_cast<std::uint64_t>(options.seed));
    return {score("mixing_ceiling", ceiling, Direction::info)};
}

std::vector<Score> compute_mean_shift(const json&, const MetricInput& input) {
    std::vector<Score> scores;
    for (std::size_t b = 0; b < input.batch_means.size(); ++b) {
        scores.push_back(score("batch_mean_" + std::to_string(b), input.batch_means[b], Direction::info));
    }
    scores.push_back(input.batch.count() < 2 ? not_applicable("mean_shift", Direction::lower, needs_two_batches)
                                             : score("mean_shift", mean_shift(input.batch_means), Direction::lower));
    return scores;
}

constexpr MetricDefinition metrics[] = {
    {"batch_mixing_entropy", "entropy of the batches among each cell's nearest neighbours, in nats",
     "Exact Euclidean neighbours, ties by lower index; shares are clipped to [1e-8, 1], so nothing mixed gives "
     "1.842e-07 "
     "for two batches. Also gives perfect_mixing, ln of the number of batches.",
     mixing_rows, 1, [] { return parameters_of(neighbor_fields); }, compute_mixing},
    {"mean_shift", "largest difference between the mean expression of two batches",
     "Also gives batch_mean_<b>, the mean over all entries of the cells of batch b.", shift_rows, 1,
     [] { return std::vector<Parameter>(); }, compute_mean_shift},
    {"type_purity", "share of each cell's nearest neighbours that have its type", "", purity_rows, 1,
     [] { return parameters_of(neighbor_fields); }, compute_purity},
    {"mixing_ceiling", "mixing entropy after permuting batches inside types: what a perfect correction reaches",
     "Averaged over permutations. Mixing above it means over-interleaved batches. Without types, batches are permuted "
     "among all cells.",
     ceiling_rows, 1, [] { return parameters_of(ceiling_fields); }, compute_ceiling},
};

}  // namespace

std::span<const MetricDefinition> metric_table() { return metrics; }

const MetricDefinition& metric_named(const std::string& type) {
    for (const MetricDefinition& entry : metrics) {
        if (type == entry.name) return entry;
    }
    throw std::invalid_argument("there is no metric '" + type + "'");
}

arma::uword neighbors_needed(const json& params) { return params.value("n_neighbors", arma::uword{0}); }

}  // namespace bcbench
