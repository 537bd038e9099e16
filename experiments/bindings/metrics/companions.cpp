// What keeps other values honest: the share of the spread that lies between batches beside mean_shift, an MMD that
// compares beside mmd_loss, and the share of cells whose neighbours are not decided by distance.
#include <cmath>

#include "engine/metrics/mean_shift.hpp"
#include "engine/metrics/mmd_unbiased.hpp"
#include "engine/metrics/variance.hpp"
#include "experiments/bindings/metrics/scib.hpp"

namespace bcbench::metrics {

namespace {

using nlohmann::json;

// ---- shares of the variance

constexpr ScoreRow variance_rows[] = {{"batch_variance_share", Direction::lower, Group::means},
                                      {"relative_mean_shift", Direction::lower, Group::means},
                                      {"total_standard_deviation", Direction::info, Group::means},
                                      {"variance_left", Direction::info, Group::means},
                                      {"type_variance_share", Direction::higher, Group::biology}};

// A part of the variance, or why there is none.
Score share_of(const ScoreRow& row, double part, double whole, const std::string& missing) {
    if (!missing.empty()) return not_applicable(row, missing);
    if (!(whole > 0.0)) return not_applicable(row, "all cells are equal");
    return score(row, part / whole);
}

// Of the cells that have a type.
template <class Real>
Score between_types(const MetricContext<Real>& all) {
    const MetricContext<Real>* part = typed_part(all);
    const MetricContext<Real>& context = part == nullptr ? all : *part;
    const Labels& type = context.type();
    if (type.empty()) return not_applicable(variance_rows[4], "needs cell types, the dataset has none");
    return share_of(variance_rows[4], variance::between(context.cells, type), variance::total(context.cells), "");
}

template <class Real>
MetricOutput compute_variance(const json&, const MetricContext<Real>& context) {
    const Matrix<Real>& cells = context.cells;
    const Labels& batch = context.batch();
    const std::string no_batches = labels_with_cells(batch) < 2 ? needs_two_batches : "";
    const double total = variance::total(cells);
    const double between_batches = variance::between(cells, batch);
    const double within = std::max(total - between_batches, 0.0) / static_cast<double>(cells.n_rows);  // of an entry
    MetricOutput output;
    output.scores = {
        share_of(variance_rows[0], between_batches, total, no_batches),
        share_of(
            variance_rows[1], bcbench::mean_shift(batch_means(cells, batch)), std::sqrt(within),
            no_batches.empty() && total > 0.0 && !(within > 0.0) ? "the cells of each batch are equal" : no_batches),
        score(variance_rows[2], std::ldexp(std::sqrt(total), -context.exponent)),
        share_of(variance_rows[3], context.variance_left().value_or(0.0), context.variance_left() ? 1.0 : 0.0, ""),
        between_types(context)};
    return output;
}

// ---- the MMD of the result

constexpr Field<bcbench::mmd_unbiased::Options> mmd_fields[] = {
    field<&bcbench::mmd_unbiased::Options::max_cells>("max_cells", at_least(2),
                                                      "cells of each batch that are looked at; more are steadier"),
};
constexpr ScoreRow mmd_rows[] = {{"mmd_unbiased", Direction::lower, Group::means}};

template <class Real>
MetricOutput compute_mmd(const json& params, const MetricContext<Real>& context) {
    return output_of(mmd_rows,
                     bcbench::mmd_unbiased::evaluate(context.cells, context.batch(), options_from(mmd_fields, params)));
}

// ---- ties

struct TiedOptions {
    std::int64_t n_neighbors = 10;
};
constexpr Field<TiedOptions> tied_fields[] = {
    field<&TiedOptions::n_neighbors>("n_neighbors", at_least(1), "nearest neighbours around each cell"),
};
constexpr ScoreRow tied_rows[] = {{"tied_share", Direction::info, Group::detail_of_metric}};

template <class Real>
MetricOutput compute_tied(const json& params, const MetricContext<Real>& context) {
    const Ties& ties = context.ties(params.at("n_neighbors"));
    return {{score(tied_rows[0], static_cast<double>(ties.cells.size()) / static_cast<double>(context.n_cells()))}};
}

}  // namespace

MetricDefinition batch_variance_share() {
    return {"batch_variance_share",
            "share of the variance of the cells that lies between batches; shrinking all cells does not lower it",
            "Variance is the mean squared distance from the mean of all cells. Also gives relative_mean_shift, "
            "mean_shift in units of the standard deviation of an entry within its batch; total_standard_deviation; "
            "variance_left, the variance of the corrected cells in units of the input's (below 1e-4 a point has "
            "collapsed and is not ranked); and type_variance_share, the share between types.",
            variance_rows,
            1,
            {},
            no_parameters,
            compute_variance<float>,
            compute_variance<double>};
}

MetricDefinition mmd_unbiased() {
    return {"mmd_unbiased",
            "squared maximum mean discrepancy between batches, unbiased: about 0 where they agree",
            "Mean over all pairs of batches, of the corrected cells, with the median distance between cells as "
            "bandwidth: compares between methods and settings, as mmd_loss does not. May fall below 0.",
            mmd_rows,
            1,
            {.two_batches = true},
            [] { return parameters_of(mmd_fields); },
            compute_mmd<float>,
            compute_mmd<double>};
}

MetricDefinition tied_share() {
    return {"tied_share",
            "share of cells with more cells at the distance of their last neighbour than there is room for",
            "Metrics of nearest neighbours average over such ties, or say that they are too many; those of the graph "
            "(graph_connectivity, kbet_per_label, Leiden, sbee) take the first in the order of the cells, and beyond a "
            "tenth of the cells say so. Where there are any, this row is given unasked.",
            tied_rows,
            1,
            {.neighbors = [](const json& params) -> std::int64_t { return params.at("n_neighbors"); },
             .fewer_neighbors_do = true,
             .any_ties_do = true},
            [] { return parameters_of(tied_fields); },
            compute_tied<float>,
            compute_tied<double>};
}

}  // namespace bcbench::metrics
