#include "engine/metrics/sbee.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/label_means.hpp"

namespace bcbench::sbee {

namespace {

using arma::uword;

constexpr double steepness = 0.15;     // of the ratio's exponential
constexpr double least_count = 1e-10;  // so that a batch without cells has a logarithm
constexpr std::size_t rows_at_a_time = 32;
constexpr double undefined = -1.0;  // a median of nothing

// The cells of one label, batch after batch, counted from their mean.
struct LabelCells {
    std::vector<std::uint32_t> cell;   // [m] their numbers among all cells
    std::vector<std::size_t> start;    // [b+1] of each batch
    std::vector<std::uint32_t> batch;  // [m] 0 .. b-1
    arma::mat centred;                 // [F x m]
    arma::vec squared;                 // [m] |x|^2
};

template <class Real>
LabelCells cells_of_label(const Matrix<Real>& cells, const std::vector<std::uint32_t>& members, const Groups& batch) {
    LabelCells label;
    label.start.assign(1, 0);
    for (const std::vector<std::uint32_t>& own : batch.members) {
        for (const std::uint32_t place : own) {
            label.cell.push_back(members[place]);
            label.batch.push_back(static_cast<std::uint32_t>(label.start.size() - 1));
        }
        label.start.push_back(label.cell.size());
    }
    label.centred = arma::conv_to<arma::mat>::from(cells.cols(arma::conv_to<arma::uvec>::from(label.cell)));
    const arma::vec mean = arma::mean(label.centred, 1);
    label.centred.each_col() -= mean;
    label.squared = arma::sum(arma::square(label.centred), 0).t();
    return label;
}

// The distance of two cells as it is defined, where products of large numbers would leave rounding.
template <class Real>
double distance(const Matrix<Real>& cells, std::uint32_t i, std::uint32_t j) {
    double sum = 0.0;
    for (uword f = 0; f < cells.n_rows; ++f) {
        const double difference = static_cast<double>(cells(f, i)) - static_cast<double>(cells(f, j));
        sum += difference * difference;
    }
    return std::sqrt(sum);
}

// Places and squared distances that a median is taken of.
using Candidates = std::vector<std::pair<double, std::uint32_t>>;

// The median distance to `others` (squared distances, places in the label): the pairs in the middle are found by their
// approximate distances and measured exactly.
template <class Real>
double median_distance(const Matrix<Real>& cells, const LabelCells& label, std::size_t from, Candidates& others) {
    if (others.empty()) return undefined;
    const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
    std::nth_element(others.begin(), middle, others.end());
    const auto exact = [&](std::uint32_t place) { return distance(cells, label.cell[from], label.cell[place]); };
    const double upper = exact(middle->second);
    if (others.size() % 2 == 1) return upper;
    return 0.5 * (exact(std::max_element(others.begin(), middle)->second) + upper);
}

double ratio_of(double intra, double inter) {
    if (inter == undefined) inter = intra;  // the label has no other batches
    if (!(intra > 0.0) || !(inter > 0.0)) return 0.0;
    return std::exp(-(1.0 - std::min(1.0, intra / inter)) / steepness);
}

// The ratio of every cell of the label. [m]
template <class Real>
std::vector<double> ratios(const Matrix<Real>& cells, const LabelCells& label) {
    const std::size_t m = label.cell.size();
    count_operations(m * m, 2 * cells.n_rows);
    std::vector<double> ratio(m);
    const Tiles tiles{m, rows_at_a_time};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const uword first = tiles.first(tile);
        const uword last = first + tiles.size(tile) - 1;
        arma::mat squared = -2.0 * (label.centred.t() * label.centred.cols(first, last));  // [m x rows]
        squared.each_col() += label.squared;  // and |x_i|^2, which changes no order
        Candidates own, other;
        for (uword i = first; i <= last; ++i) {
            const double* const to = squared.colptr(i - first);
            const std::size_t begin = label.start[label.batch[i]];
            const std::size_t end = label.start[label.batch[i] + 1];
            own.clear();
            other.clear();
            for (std::uint32_t j = 0; j < m; ++j) {
                if (j != i) (begin <= j && j < end ? own : other).emplace_back(to[j], j);
            }
            const double intra = median_distance(cells, label, i, own);
            ratio[i] = intra == undefined ? 0.0 : ratio_of(intra, median_distance(cells, label, i, other));
        }
    });
    return ratio;
}

// Jensen-Shannon distance in base 2 between counts, of which none is below least_count.
double jensen_shannon(const std::vector<double>& p_counts, const std::vector<double>& q_counts) {
    const double p_sum = std::accumulate(p_counts.begin(), p_counts.end(), 0.0);
    const double q_sum = std::accumulate(q_counts.begin(), q_counts.end(), 0.0);
    double sum = 0.0;
    for (std::size_t b = 0; b < p_counts.size(); ++b) {
        const double p = p_counts[b] / p_sum;
        const double q = q_counts[b] / q_sum;
        const double mean = 0.5 * (p + q);
        sum += 0.5 * p * std::log2(p / mean) + 0.5 * q * std::log2(q / mean);
    }
    return std::sqrt(std::max(sum, 0.0));
}

// 1 - js of every cell of the label, where `batches` are all cells' batches. [m]
std::vector<double> mixing(const NeighborsView& neighbors, const LabelCells& label, const Groups& labels,
                           const Groups& batches, uword n_others) {
    const std::size_t m = label.cell.size();
    const uword others = std::min<uword>(neighbors.nearest(n_others).k(), m - 1);
    std::vector<double> whole(batches.count(), 0.0);
    for (const std::uint32_t cell : label.cell) whole[batches.of_cell[cell]] += 1.0;
    for (double& count : whole) count = std::max(count, least_count);
    std::vector<double> mixed(m);
    const Tiles tiles{m, 256};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        std::vector<double> counts(batches.count());
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const std::uint32_t cell = label.cell[i];
            std::fill(counts.begin(), counts.end(), 0.0);
            counts[batches.of_cell[cell]] += 1.0;
            for (uword r = 0; r < others; ++r) {
                const std::uint32_t other = neighbors.index(cell)[r];
                if (labels.of_cell[other] == labels.of_cell[cell]) counts[batches.of_cell[other]] += 1.0;
            }
            for (double& count : counts) count = std::max(count, least_count);
            mixed[i] = 1.0 - jensen_shannon(counts, whole);
        }
    });
    return mixed;
}

double harmonic_mean(double a, double b) { return a > 0.0 && b > 0.0 ? 2.0 * a * b / (a + b) : 0.0; }

// The label's score, from the scores [m] of its cells: the mean over its batches of the mean in each.
double mean_over_batches(const LabelCells& label, const std::vector<double>& score) {
    double sum = 0.0;
    for (std::size_t b = 0; b + 1 < label.start.size(); ++b) {
        double of_batch = 0.0;
        for (std::size_t i = label.start[b]; i < label.start[b + 1]; ++i) of_batch += score[i];
        sum += of_batch / static_cast<double>(label.start[b + 1] - label.start[b]);
    }
    return sum / static_cast<double>(label.start.size() - 1);
}

}  // namespace

void validate(const Options& options) {
    if (options.n_others < 1) {
        throw std::invalid_argument("n_others of sBEE is " + std::to_string(options.n_others) +
                                    " and must be at least 1");
    }
}

template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const NeighborsView& neighbors, const Labels& label,
                      const Labels& batch, const Options& options) {
    validate(options);
    require(neighbors.n_cells() == cells.n_cols, "sBEE needs the neighbours of the cells it is given");
    require_finite(cells, "a cell given to sBEE");
    const Groups labels = groups_of(label, cells.n_cols, "label");
    const Groups batches = groups_of(batch, cells.n_cols, "batch");
    const std::vector<std::vector<std::uint32_t>>& members = labels.members;
    std::vector<double> per_cell(cells.n_cols);
    std::vector<LabelValue> values(labels.count());
    for (std::size_t l = 0; l < values.size(); ++l) {
        const LabelCells own = cells_of_label(cells, members[l], groups_among(batches, members[l]));
        std::vector<double> score = mixing(neighbors, own, labels, batches, static_cast<uword>(options.n_others));
        const std::vector<double> ratio = ratios(cells, own);
        for (std::size_t i = 0; i < score.size(); ++i) score[i] = harmonic_mean(score[i], ratio[i]);
        for (std::size_t i = 0; i < score.size(); ++i) per_cell[own.cell[i]] = score[i];
        values[l].label = label.names[labels.code[l]];
        values[l].value = mean_over_batches(own, score);
    }
    MetricResult result = mean_of_labels(std::move(values), label, "there are no labels");
    result.per_cell = std::move(per_cell);
    return result;
}

template MetricResult evaluate(const Matrix<float>&, const NeighborsView&, const Labels&, const Labels&,
                               const Options&);
template MetricResult evaluate(const Matrix<double>&, const NeighborsView&, const Labels&, const Labels&,
                               const Options&);

}  // namespace bcbench::sbee
