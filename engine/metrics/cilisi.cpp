#include "engine/metrics/cilisi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/metrics/label_means.hpp"
#include "engine/metrics/lisi/lisi.hpp"
#include "engine/neighbors/ties.hpp"

namespace bcbench::cilisi {

namespace {

constexpr std::size_t fewest_cells = 10;  // of a label
constexpr const char* all_left_out = "every label has fewer than 10 cells or occurs in one batch only";

// Why a label is left out, or the empty text.
std::string left_out(std::size_t n_cells, std::size_t n_batches) {
    if (n_batches < 2) return "the label occurs in one batch only";
    if (n_cells < fewest_cells) return "the label has " + std::to_string(n_cells) + " cells, fewer than 10";
    return {};
}

// The values of a label's cells, of which `neighbors` are, in `batch` groups. [m]
std::vector<double> values_inside(const TiedNeighbors& neighbors, const Groups& batch, bool share_ties) {
    const NeighborsView nearest = neighbors.nearest();
    const lisi::Bandwidths bandwidths = lisi::solve(nearest, {.n_others = static_cast<std::int64_t>(nearest.k()),
                                                              .perplexity = static_cast<double>(nearest.k() / 3)});
    std::vector<double> values = lisi::per_cell(nearest, bandwidths, batch, share_ties ? neighbors.ties : Ties());
    for (double& value : values) value = (value - 1.0) / static_cast<double>(batch.count() - 1);
    return values;
}

struct Sum {
    double value = 0.0;
    std::size_t count = 0;
};

Sum sum_of_defined(const std::vector<double>& values) {
    Sum sum;
    for (const double value : values) {
        if (std::isnan(value)) continue;
        sum.value += value;
        ++sum.count;
    }
    return sum;
}

}  // namespace

void validate(const Options& options) {
    if (options.n_others >= 3) return;
    throw std::invalid_argument("n_others of CiLISI is " + std::to_string(options.n_others) +
                                " and must be at least 3, for the perplexity is a third of it");
}

template <class Real>
Result evaluate(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options) {
    validate(options);
    const Groups labels = groups_of(label, cells.n_cols, "label");
    const Groups batches = groups_of(batch, cells.n_cols, "batch");
    const std::vector<std::vector<std::uint32_t>>& members = labels.members;
    std::vector<double> per_cell(cells.n_cols, std::numeric_limits<double>::quiet_NaN());
    std::vector<LabelValue> values(labels.count());
    Sum all;
    for (std::size_t l = 0; l < values.size(); ++l) {
        values[l].label = label.names[labels.code[l]];
        const Groups own = groups_among(batches, members[l]);
        values[l].reason = left_out(members[l].size(), own.count());
        if (!values[l].reason.empty()) continue;
        const Matrix<Real> part = cells.cols(arma::conv_to<arma::uvec>::from(members[l]));
        const TiedNeighbors neighbors = tied_neighbors(part, static_cast<arma::uword>(options.n_others));
        const std::vector<double> inside = values_inside(neighbors, own, options.share_ties);
        for (std::size_t i = 0; i < inside.size(); ++i) per_cell[members[l][i]] = inside[i];
        const Sum sum = sum_of_defined(inside);
        all.value += sum.value;
        all.count += sum.count;
        if (sum.count > 0) values[l].value = sum.value / static_cast<double>(sum.count);
        if (sum.count == 0) values[l].reason = "all weights of its cells underflow";
    }
    Result result;
    result.over_labels = mean_of_labels(std::move(values), label, all_left_out);
    if (all.count == 0) {
        result.over_cells = not_applicable(all_left_out);
        return result;
    }
    result.over_cells.value = all.value / static_cast<double>(all.count);
    result.over_cells.per_cell = std::move(per_cell);
    return result;
}

template Result evaluate(const Matrix<float>&, const Labels&, const Labels&, const Options&);
template Result evaluate(const Matrix<double>&, const Labels&, const Labels&, const Options&);

}  // namespace bcbench::cilisi
