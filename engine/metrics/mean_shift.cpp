#include "engine/metrics/mean_shift.hpp"

#include <limits>

namespace bcbench {

template <class Real>
std::vector<double> batch_means(const Matrix<Real>& cells, const Labels& batch) {
    std::vector<double> means(batch.count(), 0.0);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        const Real* cell = cells.colptr(i);
        for (arma::uword f = 0; f < cells.n_rows; ++f) means[batch.code[i]] += static_cast<double>(cell[f]);
    }
    const std::vector<std::size_t> sizes = label_sizes(batch);
    for (std::size_t b = 0; b < means.size(); ++b) means[b] /= static_cast<double>(sizes[b] * cells.n_rows);
    return means;
}

double mean_shift(const std::vector<double>& means) {
    double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
    for (const double mean : means) {  // NaN is neither less nor more
        if (mean < lowest) lowest = mean;
        if (mean > highest) highest = mean;
    }
    return highest - lowest;
}

template std::vector<double> batch_means(const Matrix<float>&, const Labels&);
template std::vector<double> batch_means(const Matrix<double>&, const Labels&);

}  // namespace bcbench
