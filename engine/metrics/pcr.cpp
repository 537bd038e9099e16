#include "engine/metrics/pcr.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/groups.hpp"

namespace bcbench {

namespace {

// Below this share the batch means differ by their rounding alone: by about 1e-16 of the cells' spread.
constexpr double rounding_share = 1e-28;

/// Sum over cells of term(i, column) into a column [F], in a fixed order.
template <class Term>
arma::vec sum_over_cells(arma::uword n_features, arma::uword n_cells, const Term& term) {
    const Tiles chunks = chunks_of(n_cells);
    arma::mat partial(n_features, chunks.count(), arma::fill::zeros);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        double* sum = partial.colptr(chunk);
        for (std::size_t i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) term(i, sum);
    });
    return arma::sum(partial, 1);
}

/// The mean of the cells; exactly the common value of a feature that is constant. [F]
template <class Real>
arma::vec mean_of(const Matrix<Real>& cells) {
    const arma::uword n_features = cells.n_rows;
    const Real* first = cells.colptr(0);
    const arma::vec sum = sum_over_cells(n_features, cells.n_cols, [&](std::size_t i, double* into) {
        const Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < n_features; ++f) {
            into[f] += static_cast<double>(cell[f]) - static_cast<double>(first[f]);
        }
    });
    return arma::conv_to<arma::vec>::from(cells.col(0)) + sum / static_cast<double>(cells.n_cols);
}

}  // namespace

template <class Real>
std::optional<double> between_batch_share(const Matrix<Real>& cells, const Labels& batch) {
    require(cells.n_cols > 0 && cells.n_rows > 0, "principal component regression needs cells with features");
    require_finite(cells, "a cell given to principal component regression");
    const Groups groups = groups_of(batch, cells.n_cols, "batches");
    const arma::uword n_features = cells.n_rows;
    const arma::vec mean = mean_of(cells);
    const arma::vec squares = sum_over_cells(n_features, cells.n_cols, [&](std::size_t i, double* into) {
        const Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < n_features; ++f) {
            const double deviation = static_cast<double>(cell[f]) - mean[f];
            into[f] += deviation * deviation;
        }
    });
    const double total = arma::accu(squares);
    if (!(total > 0.0)) return std::nullopt;
    std::vector<double> between(groups.count());
    parallel_for(groups.count(), [&](std::size_t b) {
        arma::vec sum(n_features, arma::fill::zeros);
        for (const std::uint32_t i : groups.members[b]) {
            const Real* cell = cells.colptr(i);
            for (arma::uword f = 0; f < n_features; ++f) sum[f] += static_cast<double>(cell[f]) - mean[f];
        }
        between[b] = arma::dot(sum, sum) / static_cast<double>(groups.members[b].size());
    });
    double explained = 0.0;
    for (const double of_batch : between) explained += of_batch;
    const double share = explained / total;
    if (!std::isfinite(share)) throw NumericalError("the variance of the cells overflows");
    return std::min(share, 1.0);
}

template <class Real>
MetricResult pcr_comparison(const Matrix<Real>& before, const Matrix<Real>& after, const Labels& batch) {
    if (before.n_cols != after.n_cols) {
        throw std::invalid_argument("principal component regression compares the same cells before and after, not " +
                                    std::to_string(before.n_cols) + " and " + std::to_string(after.n_cols));
    }
    if (groups_of(batch, before.n_cols, "batches").count() < 2) return not_applicable("needs at least two batches");
    const std::optional<double> share_before = between_batch_share(before, batch);
    const std::optional<double> share_after = between_batch_share(after, batch);
    if (!share_before) return not_applicable("all cells are alike before correction");
    if (!share_after) return not_applicable("all cells are alike after correction");
    if (*share_before <= rounding_share) return not_applicable("the batches explain no variance before correction");
    MetricResult result;
    const double unclipped = (*share_before - *share_after) / *share_before;
    result.value = std::max(0.0, unclipped);
    result.details = {{"share_before", *share_before}, {"share_after", *share_after}, {"unclipped", unclipped}};
    return result;
}

template std::optional<double> between_batch_share(const Matrix<float>&, const Labels&);
template std::optional<double> between_batch_share(const Matrix<double>&, const Labels&);
template MetricResult pcr_comparison(const Matrix<float>&, const Matrix<float>&, const Labels&);
template MetricResult pcr_comparison(const Matrix<double>&, const Matrix<double>&, const Labels&);

}  // namespace bcbench
