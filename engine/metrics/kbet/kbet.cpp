#include "engine/metrics/kbet/kbet.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/metrics/kbet/chi_squared.hpp"
#include "engine/metrics/label_means.hpp"
#include "engine/metrics/tied_cells.hpp"

namespace bcbench::kbet {

namespace {

using arma::uword;

// sum_b (O_b - e_b)^2 / e_b of one cell's neighbourhood. `counts` [B] is scratch.
// `tie`: of the cell, or nullptr.
double statistic(const NeighborsView& neighbors, uword cell, const Tie* tie, const TiedLabels& tied,
                 const std::vector<std::uint32_t>& batch, const std::vector<double>& expected,
                 std::vector<double>& counts) {
    if (tie != nullptr) {
        tied.count(neighbors, *tie, counts);
    } else {
        std::fill(counts.begin(), counts.end(), 0.0);
        for (uword r = 0; r < neighbors.k(); ++r) counts[batch[neighbors.index(cell)[r]]] += 1.0;
    }
    counts[batch[cell]] += 1.0;
    double t = 0.0;
    for (std::size_t b = 0; b < counts.size(); ++b) {
        const double difference = counts[b] - expected[b];
        t += difference * difference / expected[b];
    }
    return t;
}

}  // namespace

void validate(const Options& options) {
    if (options.n_others < 1) {
        throw std::invalid_argument("n_others of kBET is " + std::to_string(options.n_others) +
                                    " and must be at least 1");
    }
    if (!(options.alpha > 0.0 && options.alpha < 1.0)) {
        throw std::invalid_argument("alpha of kBET is " + std::to_string(options.alpha) +
                                    " and must lie between 0 and 1");
    }
}

MetricResult acceptance(const NeighborsView& neighbors, const Groups& batch, double alpha, const Ties& ties) {
    const std::size_t n = batch.of_cell.size();
    std::vector<double> expected(batch.count());
    for (std::size_t b = 0; b < expected.size(); ++b) {
        expected[b] = static_cast<double>((neighbors.k() + 1) * batch.members[b].size()) / static_cast<double>(n);
    }
    const auto degrees = static_cast<double>(batch.count() - 1);
    const double limit = chi_squared_quantile(alpha, degrees);
    MetricResult result;
    result.per_cell.resize(n);
    const TiedLabels tied(ties, batch.of_cell, batch.count());
    const Tiles tiles{n, 1024};
    std::vector<std::size_t> accepted(tiles.count(), 0);
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<double> counts(batch.count());
        TiedCells tied_cells(ties, tiles.first(tile));
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            result.per_cell[i] = statistic(neighbors, i, tied_cells.of(i), tied, batch.of_cell, expected, counts);
            accepted[tile] += result.per_cell[i] <= limit ? 1 : 0;
        }
    });
    std::size_t sum = 0;
    for (const std::size_t count : accepted) sum += count;
    result.value = static_cast<double>(sum) / static_cast<double>(n);
    result.details = {{"degrees", degrees}, {"limit", limit}};
    return result;
}

MetricResult evaluate(const NeighborsView& neighbors, const Labels& batch, const Options& options, const Ties& ties) {
    validate(options);
    const Groups groups = groups_of(batch, neighbors.n_cells(), "batch");
    if (groups.count() < 2) return not_applicable("kBET compares batches, and there is only one");
    return acceptance(neighbors.nearest(static_cast<uword>(options.n_others)), groups, options.alpha, ties);
}

template <class Real>
MetricResult evaluate_per_label(const Matrix<Real>& cells, const Labels& label, const Labels& batch,
                                const Options& options) {
    validate(options);
    const Groups labels = groups_of(label, cells.n_cols, "label");
    const Groups batches = groups_of(batch, cells.n_cols, "batch");
    const std::vector<std::vector<std::uint32_t>>& members = labels.members;
    std::vector<LabelValue> values(labels.count());
    for (std::size_t l = 0; l < values.size(); ++l) {
        values[l].label = label.names[labels.code[l]];
        const Groups own = groups_among(batches, members[l]);
        if (own.count() < 2) {
            values[l].reason = "the label occurs in one batch only";
            continue;
        }
        const Matrix<Real> part = cells.cols(arma::conv_to<arma::uvec>::from(members[l]));
        const TiedNeighbors neighbors = tied_neighbors(part, static_cast<uword>(options.n_others));
        values[l].value = acceptance(neighbors.nearest(), own, options.alpha, neighbors.ties).value;
    }
    return mean_of_labels(std::move(values), label, "every label occurs in one batch only");
}

template MetricResult evaluate_per_label(const Matrix<float>&, const Labels&, const Labels&, const Options&);
template MetricResult evaluate_per_label(const Matrix<double>&, const Labels&, const Labels&, const Options&);

}  // namespace bcbench::kbet
