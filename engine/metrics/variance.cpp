#include "engine/metrics/variance.hpp"

#include <vector>

namespace bcbench::variance {

namespace {

using arma::uword;

// The sum of the cells of each group. [F x groups]
template <class Real, class GroupOf>
arma::mat sums(const Matrix<Real>& cells, std::size_t n_groups, const GroupOf& group_of) {
    arma::mat sums(cells.n_rows, n_groups, arma::fill::zeros);
    for (uword i = 0; i < cells.n_cols; ++i) {
        double* sum = sums.colptr(group_of(i));
        const Real* cell = cells.colptr(i);
        for (uword f = 0; f < cells.n_rows; ++f) sum[f] += static_cast<double>(cell[f]);
    }
    return sums;
}

template <class Real>
arma::vec mean_of(const Matrix<Real>& cells) {
    return sums(cells, 1, [](uword) { return uword{0}; }) / static_cast<double>(cells.n_cols);
}

}  // namespace

template <class Real>
double total(const Matrix<Real>& cells) {
    if (cells.n_cols == 0) return 0.0;
    const arma::vec mean = mean_of(cells);
    double sum = 0.0;
    for (uword i = 0; i < cells.n_cols; ++i) {
        const Real* cell = cells.colptr(i);
        double squared = 0.0;
        for (uword f = 0; f < cells.n_rows; ++f) {
            const double difference = static_cast<double>(cell[f]) - mean[f];
            squared += difference * difference;
        }
        sum += squared;
    }
    return sum / static_cast<double>(cells.n_cols);
}

template <class Real>
double between(const Matrix<Real>& cells, const Labels& labels) {
    if (cells.n_cols == 0) return 0.0;
    const arma::vec mean = mean_of(cells);
    arma::mat means = sums(cells, labels.count(), [&](uword i) { return labels.code[i]; });
    const std::vector<std::size_t> sizes = label_sizes(labels);
    double sum = 0.0;
    for (std::size_t l = 0; l < sizes.size(); ++l) {
        if (sizes[l] == 0) continue;
        const auto size = static_cast<double>(sizes[l]);
        const arma::vec deviation = means.col(l) / size - mean;
        sum += size * arma::dot(deviation, deviation);
    }
    return sum / static_cast<double>(cells.n_cols);
}

template double total(const Matrix<float>&);
template double total(const Matrix<double>&);
template double between(const Matrix<float>&, const Labels&);
template double between(const Matrix<double>&, const Labels&);

}  // namespace bcbench::variance
