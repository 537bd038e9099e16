#include "engine/metrics/ksim.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/metrics/groups.hpp"
#include "engine/metrics/tied_cells.hpp"

namespace bcbench::ksim {

namespace {

// The largest whole number whose square is at most n.
arma::uword whole_root(arma::uword n) {
    arma::uword root = 0;
    while ((root + 1) * (root + 1) <= n) ++root;
    return root;
}

}  // namespace

void validate(const Options& options) {
    if (options.n_others < 1) {
        throw std::invalid_argument("n_others of kSIM is " + std::to_string(options.n_others) +
                                    " and must be at least 1");
    }
    if (!(options.accepted_share >= 0.0 && options.accepted_share <= 1.0)) {
        throw std::invalid_argument("accepted_share of kSIM is " + std::to_string(options.accepted_share) +
                                    " and must lie in [0, 1]");
    }
}

std::int64_t others_that_count(const Options& options, std::size_t n_cells) {
    return std::min(options.n_others, static_cast<std::int64_t>(whole_root(n_cells)) - 1);
}

MetricResult evaluate(const NeighborsView& neighbors, const Labels& label, const Options& options, const Ties& ties) {
    validate(options);
    const arma::uword n = neighbors.n_cells();
    const Groups labels = groups_of(label, n, "label");
    if (n == 0) throw std::invalid_argument("kSIM needs cells");
    const NeighborsView nearest = neighbors.nearest(static_cast<arma::uword>(others_that_count(options, n)));
    const auto k = static_cast<double>(nearest.k() + 1);
    MetricResult result;
    result.per_cell.resize(n);
    const TiedLabels tied(ties, labels.of_cell, labels.count());
    TiedCells tied_cells(ties, 0);
    std::vector<double> counts;
    double sum = 0.0;
    arma::uword accepted = 0;
    for (arma::uword i = 0; i < n; ++i) {
        double alike = 1.0;
        if (const Tie* tie = tied_cells.of(i)) {
            tied.count(nearest, *tie, counts);
            alike += counts[labels.of_cell[i]];
        } else {
            for (arma::uword r = 0; r < nearest.k(); ++r) {
                alike += labels.of_cell[nearest.index(i)[r]] == labels.of_cell[i] ? 1.0 : 0.0;
            }
        }
        result.per_cell[i] = alike / k;
        sum += alike;
        accepted += result.per_cell[i] >= options.accepted_share ? 1 : 0;
    }
    result.value = sum / (k * static_cast<double>(n));
    result.details = {{"accept_rate", static_cast<double>(accepted) / static_cast<double>(n)},
                      {"n_others", static_cast<double>(nearest.k())}};
    return result;
}

}  // namespace bcbench::ksim
