#include "engine/linear/label_means.hpp"

#include <vector>

#include "engine/core/parallel.hpp"

namespace bcbench {

namespace {

/// The sum of add(sums, i), which adds cell i to sums [rows x columns], over all cells.
template <class Add>
arma::mat sum_over_cells(std::size_t n_cells, arma::uword rows, arma::uword columns, const Add& add) {
    const Tiles chunks = chunks_of(n_cells);
    std::vector<arma::mat> parts(chunks.count());
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        arma::mat sums(rows, columns, arma::fill::zeros);
        for (std::size_t i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) add(sums, i);
        parts[chunk] = std::move(sums);
    });
    arma::mat sums(rows, columns, arma::fill::zeros);
    for (const arma::mat& part : parts) sums += part;
    return sums;
}

}  // namespace

template <class Real>
arma::mat label_means(const Matrix<Real>& cells, const Labels& labels) {
    arma::mat means = sum_over_cells(cells.n_cols, cells.n_rows, labels.count(), [&](arma::mat& sums, std::size_t i) {
        double* sum = sums.colptr(labels.code[i]);
        const Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < cells.n_rows; ++f) sum[f] += static_cast<double>(cell[f]);
    });
    const std::vector<std::size_t> sizes = label_sizes(labels);
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] > 0) means.col(b) /= static_cast<double>(sizes[b]);
    }
    return means;
}

template <class Real>
arma::mat label_squares(const Matrix<Real>& cells, const Labels& labels, const arma::mat& centres) {
    return sum_over_cells(cells.n_cols, cells.n_rows, labels.count(), [&](arma::mat& sums, std::size_t i) {
        double* sum = sums.colptr(labels.code[i]);
        const double* centre = centres.colptr(labels.code[i]);
        const Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < cells.n_rows; ++f) {
            const double difference = static_cast<double>(cell[f]) - centre[f];
            sum[f] += difference * difference;
        }
    });
}

template <class Real>
arma::vec mean_cell(const Matrix<Real>& cells) {
    const Labels all{std::vector<std::uint32_t>(cells.n_cols, 0), {"all"}};
    return label_means(cells, all);
}

template <class Real>
double total_variance(const Matrix<Real>& cells) {
    if (cells.n_cols < 2) return 0.0;
    const Labels all{std::vector<std::uint32_t>(cells.n_cols, 0), {"all"}};
    return arma::accu(label_squares(cells, all, label_means(cells, all))) / static_cast<double>(cells.n_cols - 1);
}

#define BCBENCH_INSTANTIATE(Real)                                                           \
    template arma::mat label_means(const Matrix<Real>&, const Labels&);                     \
    template arma::mat label_squares(const Matrix<Real>&, const Labels&, const arma::mat&); \
    template arma::vec mean_cell(const Matrix<Real>&);                                      \
    template double total_variance(const Matrix<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench
