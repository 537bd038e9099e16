#include "engine/methods/mnn/method.hpp"

#include <algorithm>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/linear/label_means.hpp"
#include "engine/linear/products.hpp"
#include "engine/methods/mnn/correction.hpp"
#include "engine/methods/mnn/pairs.hpp"

namespace bcbench::mnn {

namespace {

/// Throws std::invalid_argument unless `order` holds each of the places 0 .. n_batches-1 once.
void require_order(const std::vector<std::int64_t>& order, std::size_t n_batches) {
    if (order.size() != n_batches) {
        throw std::invalid_argument("mnn: order has " + std::to_string(order.size()) + " places for " +
                                    std::to_string(n_batches) + " batches");
    }
    std::vector<char> seen(n_batches, 0);
    for (const std::int64_t place : order) {
        if (place < 0 || static_cast<std::size_t>(place) >= n_batches || seen[static_cast<std::size_t>(place)] != 0) {
            throw std::invalid_argument("mnn: order must hold each place from 0 to " + std::to_string(n_batches - 1) +
                                        " once, and " + std::to_string(place) + " is out of range or there twice");
        }
        seen[static_cast<std::size_t>(place)] = 1;
    }
}

/// The batches with cells in the order in which they join.
std::vector<std::uint32_t> merge_order(const Labels& batch, const Options& options) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    std::vector<std::uint32_t> order(sizes.size());
    std::iota(order.begin(), order.end(), 0U);
    if (!options.order.empty()) {
        require_order(options.order, sizes.size());
        std::transform(options.order.begin(), options.order.end(), order.begin(),
                       [](std::int64_t place) { return static_cast<std::uint32_t>(place); });
    } else if (options.merge_order == MergeOrder::size) {
        std::stable_sort(order.begin(), order.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return sizes[a] > sizes[b]; });
    }
    std::erase_if(order, [&](std::uint32_t b) { return sizes[b] == 0; });
    return order;
}

/// The cells batch by batch in the order of joining, so that the joined batches and the next one are neighbouring
/// columns.
template <class Real>
struct Line {
    Matrix<Real> cells;                // [F x n]
    std::vector<std::uint32_t> place;  // [n] of each column the cell of the input
    std::vector<arma::uword> first;    // [order + 1] first column of each batch of the order

    arma::uword size(std::size_t s) const { return first[s + 1] - first[s]; }
};

template <class Real>
Line<Real> line_up(const Matrix<Real>& cells, const Labels& batch, const std::vector<std::uint32_t>& order) {
    Line<Real> line;
    line.place.resize(cells.n_cols);
    std::vector<arma::uword> next(batch.count(), 0);  // column of the next cell of each batch
    const std::vector<std::size_t> sizes = label_sizes(batch);
    line.first.push_back(0);
    for (const std::uint32_t b : order) {
        next[b] = line.first.back();
        line.first.push_back(line.first.back() + sizes[b]);
    }
    line.cells.set_size(arma::size(cells));
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        const arma::uword column = next[batch.code[i]]++;
        line.place[column] = static_cast<std::uint32_t>(i);
        line.cells.col(column) = cells.col(i);
    }
    return line;
}

/// The variance of the batches 0 .. last of the order.
template <class Real>
std::vector<double> variances(const Line<Real>& line, std::size_t last) {
    std::vector<double> variance;
    for (std::size_t s = 0; s <= last; ++s) {
        variance.push_back(total_variance(columns(line.cells, line.first[s], line.size(s))));
    }
    return variance;
}

/// Joins batch `s` of the order to those before it. `vectors`: the batch vectors of the steps before, to which this
/// step's is added.
template <class Real>
MergeStep join(Line<Real>& line, std::size_t s, const std::vector<std::uint32_t>& order, const Options& options,
               std::vector<arma::vec>& vectors, std::size_t n_batches) {
    const auto k = static_cast<std::size_t>(options.n_neighbors);
    Matrix<Real> left = columns(line.cells, 0, line.first[s]);
    Matrix<Real> right = columns(line.cells, line.first[s], line.size(s));
    MergeStep step;
    step.left.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(s));
    step.right = order[s];

    const std::vector<double> before = variances(line, s);
    for (const arma::vec& vector : vectors) flatten(right, vector);
    const MutualPairs pairs = mutual_pairs(left, right, k);
    step.n_pairs = pairs.count();
    step.left_share = static_cast<double>(pairs.n_first_members) / static_cast<double>(left.n_cols);
    step.right_share = static_cast<double>(pairs.member.size()) / static_cast<double>(right.n_cols);
    const arma::mat between = correction_vectors(left, right, pairs);
    const arma::vec batch_vector = mean_cell(between);
    step.batch_effect = relative_length(batch_vector, between);
    step.skipped = step.batch_effect < options.min_batch_effect || !(step.batch_effect > 0.0);
    if (!step.skipped) {
        flatten(left, batch_vector);
        flatten(right, batch_vector);
        vectors.push_back(batch_vector);
    }
    step.variance_removed.assign(n_batches, 0.0);
    const std::vector<double> after = variances(line, s);
    for (std::size_t joined = 0; joined <= s; ++joined) {
        if (before[joined] > 0.0) step.variance_removed[order[joined]] = 1.0 - after[joined] / before[joined];
    }
    if (!step.skipped) {
        move_smoothly(right, pairs, correction_vectors(left, right, pairs), k, options.bandwidth);
    }
    return step;
}

void note_small_batches(const Labels& batch, const Options& options, std::vector<std::string>& notes) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0 || sizes[b] >= static_cast<std::size_t>(options.n_neighbors)) continue;
        notes.push_back("batch '" + batch.names[b] + "' has " + std::to_string(sizes[b]) +
                        " cells, fewer than n_neighbors = " + std::to_string(options.n_neighbors) +
                        ": all of them are neighbours of every cell it is joined to");
    }
}

}  // namespace

void validate(const Options& options) {
    require(options.n_neighbors >= 1, "n_neighbors must be at least 1");
    require(options.bandwidth > 1.0, "bandwidth must be greater than 1");
    require(options.min_batch_effect >= 0.0 && options.min_batch_effect <= 1.0, "min_batch_effect must be from 0 to 1");
}

template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options) {
    validate(options);
    require(cells.n_elem > 0, "mnn needs cells with at least one feature");
    require_labels(batch, cells.n_cols, "mnn, batch");
    require_finite(cells, "a cell given to mnn");
    const std::vector<std::uint32_t> order = merge_order(batch, options);
    Result<Real> result;
    if (order.size() == 1) {
        result.corrected = cells;
        result.notes.push_back("there is one batch: nothing to correct");
        return result;
    }
    note_small_batches(batch, options, result.notes);
    Line<Real> line = line_up(cells, batch, order);
    std::vector<arma::vec> vectors;
    for (std::size_t s = 1; s < order.size(); ++s) {
        result.steps.push_back(join(line, s, order, options, vectors, batch.count()));
    }
    result.corrected.set_size(arma::size(cells));
    for (arma::uword column = 0; column < cells.n_cols; ++column) {
        result.corrected.col(line.place[column]) = line.cells.col(column);
    }
    require_finite(result.corrected, "a corrected embedding");
    return result;
}

template Result<float> forward(const Matrix<float>&, const Labels&, const Options&);
template Result<double> forward(const Matrix<double>&, const Labels&, const Options&);

}  // namespace bcbench::mnn
