#include "engine/metrics/lisi/lisi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/lisi/weights.hpp"
#include "engine/metrics/tied_cells.hpp"

namespace bcbench::lisi {

namespace {

/// Distances of one cell, not squared. [n_others]
void distances_of(const NeighborsView& neighbors, arma::uword cell, std::vector<double>& distance) {
    const double* squared = neighbors.squared_distance(cell);
    std::transform(squared, squared + distance.size(), distance.begin(), [](double d) { return std::sqrt(d); });
}

// The Simpson index of a cell whose last places tie: these have one weight, which all that tie share.
double simpson_of_tied(const NeighborsView& used, const Tie& tie, const TiedLabels& tied, const Groups& groups,
                       const std::vector<double>& p) {
    std::vector<double> share;
    tied.count(used, tie, share);  // counts, of which those nearer have their own weights
    for (std::uint32_t r = 0; r < tie.closer; ++r) share[groups.of_cell[used.index(tie.cell)[r]]] -= 1.0;
    for (double& each : share) each *= p.back();
    for (std::uint32_t r = 0; r < tie.closer; ++r) share[groups.of_cell[used.index(tie.cell)[r]]] += p[r];
    double simpson = 0.0;
    for (const double each : share) simpson += each * each;
    return simpson;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2.0;
}

/// Everything but the scaled value.
MetricResult summary(std::vector<double> values) {
    std::vector<double> defined;
    double sum = 0.0;
    for (const double value : values) {
        if (std::isnan(value)) continue;
        defined.push_back(value);
        sum += value;
    }
    MetricResult result;
    result.per_cell = std::move(values);
    if (defined.empty()) {
        result.reason = "the weights of all neighbours underflow: the distances are too large for LISI";
        return result;
    }
    result.details = {{"median", median(defined)},
                      {"mean", sum / static_cast<double>(defined.size())},
                      {"undefined", static_cast<double>(result.per_cell.size() - defined.size())}};
    if (defined.size() < result.per_cell.size()) {
        result.warnings.push_back(std::to_string(result.per_cell.size() - defined.size()) +
                                  " cells are left out: the weights of all their neighbours underflow");
    }
    return result;
}

}  // namespace

void validate(const Options& options) {
    require(options.n_others >= 1, "LISI needs at least 1 neighbour (n_others)");
    if (!options.perplexity) return;
    const double perplexity = *options.perplexity;
    if (perplexity >= 1.0 && perplexity <= static_cast<double>(options.n_others)) return;
    throw std::invalid_argument("the perplexity of LISI must lie between 1 and the number of neighbours, " +
                                std::to_string(options.n_others) + ", but is " + std::to_string(perplexity));
}

Bandwidths solve(const NeighborsView& neighbors, const Options& options) {
    validate(options);
    const NeighborsView used = neighbors.nearest(static_cast<arma::uword>(options.n_others));
    Bandwidths bandwidths;
    bandwidths.n_others = used.k();
    bandwidths.perplexity = options.perplexity.value_or(static_cast<double>((used.k() + 1) / 3));
    if (used.n_cells() < 6) {
        bandwidths.reason = "LISI needs at least 6 cells, there are " + std::to_string(used.n_cells());
    } else if (bandwidths.perplexity > static_cast<double>(used.k())) {
        bandwidths.reason = "the perplexity " + std::to_string(bandwidths.perplexity) +
                            " is more than each cell has neighbours, " + std::to_string(used.k());
    }
    if (!bandwidths.reason.empty()) return bandwidths;
    bandwidths.beta.resize(used.n_cells());
    const double log_perplexity = std::log(bandwidths.perplexity);
    const Tiles tiles{used.n_cells(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<double> distance(used.k());
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            distances_of(used, i, distance);
            bandwidths.beta[i] = solve_beta(distance.data(), distance.size(), log_perplexity);
        }
    });
    return bandwidths;
}

std::vector<double> per_cell(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Groups& groups,
                             const Ties& ties) {
    const NeighborsView used = neighbors.nearest(bandwidths.n_others);
    require(bandwidths.beta.size() == used.n_cells(), "the bandwidths of LISI are those of other cells");
    std::vector<double> values(used.n_cells());
    const TiedLabels tied(ties, groups.of_cell, groups.count());
    const Tiles tiles{used.n_cells(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<double> distance(used.k()), p(used.k()), share(groups.count(), 0.0);
        TiedCells tied_cells(ties, tiles.first(tile));
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const Tie* const tie = tied_cells.of(i);
            distances_of(used, i, distance);
            if (!weights_of(distance.data(), distance.size(), bandwidths.beta[i], p.data())) {
                values[i] = std::numeric_limits<double>::quiet_NaN();
                continue;
            }
            if (tie != nullptr) {
                values[i] = 1.0 / simpson_of_tied(used, *tie, tied, groups, p);
                continue;
            }
            for (std::size_t r = 0; r < p.size(); ++r) share[groups.of_cell[used.index(i)[r]]] += p[r];
            double simpson = 0.0;
            for (std::size_t r = 0; r < p.size(); ++r) {  // each group once; groups without a neighbour are not visited
                double& of_group = share[groups.of_cell[used.index(i)[r]]];
                simpson += of_group * of_group;
                of_group = 0.0;
            }
            values[i] = 1.0 / simpson;
        }
    });
    return values;
}

MetricResult ilisi(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Labels& batch,
                   const Ties& ties) {
    const Groups groups = groups_of(batch, neighbors.n_cells(), "batches");
    if (groups.count() < 2) return not_applicable("needs at least two batches");
    if (!bandwidths.reason.empty()) return not_applicable(bandwidths.reason);
    MetricResult result = summary(per_cell(neighbors, bandwidths, groups, ties));
    if (const std::optional<double> typical = detail_of(result, "median")) {
        result.value = (*typical - 1.0) / static_cast<double>(groups.count() - 1);
    }
    return result;
}

MetricResult clisi(const NeighborsView& neighbors, const Bandwidths& bandwidths, const Labels& label,
                   const Ties& ties) {
    const Groups groups = groups_of(label, neighbors.n_cells(), "labels");
    if (groups.count() < 2) return not_applicable("needs at least two labels");
    if (!bandwidths.reason.empty()) return not_applicable(bandwidths.reason);
    MetricResult result = summary(per_cell(neighbors, bandwidths, groups, ties));
    if (const std::optional<double> typical = detail_of(result, "median")) {
        const auto count = static_cast<double>(groups.count());
        result.value = (count - *typical) / (count - 1.0);
    }
    return result;
}

}  // namespace bcbench::lisi
