#include "engine/metrics/silhouettes/bras.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/groups.hpp"
#include "engine/metrics/silhouettes/value.hpp"

namespace bcbench::bras {

namespace {

using Batches = std::vector<std::vector<std::uint32_t>>;  // the cells of one label, batch by batch

/// x / |x|, or 0 for a cell at the origin; whether it is one. `unit` [F]
template <class Real>
bool normalise(const Matrix<Real>& cells, arma::uword i, arma::vec& unit) {
    const Real* cell = cells.colptr(i);
    double largest = 0.0;  // first, so that no square overflows or vanishes
    for (arma::uword f = 0; f < unit.n_elem; ++f) {
        largest = std::max(largest, std::abs(static_cast<double>(cell[f])));
    }
    if (largest == 0.0) {
        unit.zeros();
        return false;
    }
    double squares = 0.0;
    for (arma::uword f = 0; f < unit.n_elem; ++f) {
        unit[f] = static_cast<double>(cell[f]) / largest;
        squares += unit[f] * unit[f];
    }
    unit *= 1.0 / std::sqrt(squares);
    return true;
}

/// A sum of `count` distances; 0 where it is but the rounding of cells that point the same way.
double distance_sum(double sum, double count) { return sum < 1e-12 * count ? 0.0 : sum; }

/// One label: what its cells need to know of its batches.
struct LabelSums {
    arma::mat of_batch;  // [F x batches] sums of unit vectors
    arma::vec of_all;    // [F]
    std::size_t n_cells = 0;
};

template <class Real>
LabelSums sums_of(const Matrix<Real>& cells, const Batches& batches) {
    LabelSums sums;
    sums.of_batch.zeros(cells.n_rows, batches.size());
    arma::vec unit(cells.n_rows);
    for (std::size_t b = 0; b < batches.size(); ++b) {
        for (const std::uint32_t i : batches[b]) {
            normalise(cells, i, unit);
            sums.of_batch.col(b) += unit;
        }
        sums.n_cells += batches[b].size();
    }
    sums.of_all = arma::sum(sums.of_batch, 1);
    return sums;
}

/// b_i of a cell of the batch `own`, with m = cells of each batch.
double between(const LabelSums& sums, const Batches& batches, std::size_t own, const arma::vec& unit, Between kind) {
    if (kind == Between::mean_other) {
        const auto others = static_cast<double>(sums.n_cells - batches[own].size());
        const double along = arma::dot(unit, sums.of_all) - arma::dot(unit, sums.of_batch.col(own));
        return distance_sum(others - along, others) / others;
    }
    double furthest = 0.0;
    for (std::size_t b = 0; b < batches.size(); ++b) {
        if (b == own) continue;
        const auto count = static_cast<double>(batches[b].size());
        furthest = std::max(furthest, distance_sum(count - arma::dot(unit, sums.of_batch.col(b)), count) / count);
    }
    return furthest;
}

/// Adds up 1 - |s_i| over the cells of the batch `own` and notes each.
template <class Real>
double score_batch(const Matrix<Real>& cells, const Batches& batches, std::size_t own, const LabelSums& sums,
                   Between kind, std::vector<double>& per_cell) {
    const auto count = static_cast<double>(batches[own].size());
    arma::vec unit(cells.n_rows);
    double sum = 0.0;
    for (const std::uint32_t i : batches[own]) {
        const bool has_direction = normalise(cells, i, unit);
        double s = 0.0;
        if (batches[own].size() > 1) {
            // the distance of a cell from itself is 0, at the origin too
            const double own_sum = count - arma::dot(unit, sums.of_batch.col(own)) - (has_direction ? 0.0 : 1.0);
            const double a = distance_sum(own_sum, count) / (count - 1.0);
            s = silhouette_value(a, between(sums, batches, own, unit, kind));
        }
        per_cell[i] = 1.0 - std::abs(s);
        sum += per_cell[i];
    }
    return sum;
}

/// The cells of one batch of one label.
struct Task {
    std::size_t label, batch;
    double score;  // sum of 1 - |s_i|
};

/// The cells of a label, batch by batch, the batches by their first cell.
Batches batches_of(const std::vector<std::uint32_t>& cells_of_label, const Groups& batch) {
    Batches cells;
    for (const std::vector<std::uint32_t>& places : groups_among(batch, cells_of_label).members) {
        cells.emplace_back();
        for (const std::uint32_t place : places) cells.back().push_back(cells_of_label[place]);
    }
    return cells;
}

}  // namespace

template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options) {
    require_finite(cells, "a cell given to BRAS");
    const Groups labels = groups_of(label, cells.n_cols, "labels");
    const Groups all_batches = groups_of(batch, cells.n_cols, "batches");
    if (all_batches.count() < 2) return not_applicable("needs at least two batches");
    MetricResult result;
    result.per_cell.assign(cells.n_cols, std::numeric_limits<double>::quiet_NaN());
    std::vector<GroupValue> values(labels.count());
    std::vector<Batches> batches(labels.count());
    std::vector<Task> tasks;
    for (std::size_t l = 0; l < labels.count(); ++l) {
        batches[l] = batches_of(labels.members[l], all_batches);
        values[l].reason = without_batch_silhouette(batches[l].size(), labels.members[l].size());
        if (!values[l].reason.empty()) continue;
        for (std::size_t b = 0; b < batches[l].size(); ++b) tasks.push_back({l, b, 0.0});
    }
    std::vector<LabelSums> sums(labels.count());
    parallel_for(labels.count(), [&](std::size_t l) {
        if (values[l].reason.empty()) sums[l] = sums_of(cells, batches[l]);
    });
    parallel_for(tasks.size(), [&](std::size_t t) {
        Task& task = tasks[t];
        const std::size_t l = task.label;
        task.score = score_batch(cells, batches[l], task.batch, sums[l], options.between, result.per_cell);
    });
    for (const Task& task : tasks) {
        const double share = task.score / static_cast<double>(labels.members[task.label].size());
        values[task.label].value = values[task.label].value.value_or(0.0) + share;
    }
    set_mean_over_labels(values, labels, label.names, result);
    if (!result.value) result.reason = "no label occurs in two batches, one of them with two cells of it";
    return result;
}

template MetricResult evaluate(const Matrix<float>&, const Labels&, const Labels&, const Options&);
template MetricResult evaluate(const Matrix<double>&, const Labels&, const Labels&, const Options&);

}  // namespace bcbench::bras
