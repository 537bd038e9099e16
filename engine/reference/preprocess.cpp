#include "engine/reference/preprocess.hpp"

#include <cmath>

namespace bcbench::reference {

using arma::uword;

arma::mat log_normalized(const arma::mat& counts) {
    const arma::vec sums = arma::sum(counts, 0).t();
    const double target = arma::median(arma::vec(sums(arma::find(sums > 0.0))));
    arma::mat result = counts;
    for (uword i = 0; i < counts.n_cols; ++i)
        for (uword f = 0; f < counts.n_rows; ++f)
            result(f, i) = sums(i) > 0.0 ? std::log(1.0 + counts(f, i) * target / sums(i)) : 0.0;
    return result;
}

arma::vec seurat_dispersion(const arma::mat& log_normalized) {
    const uword n_bins = 20, n_features = log_normalized.n_rows;
    const arma::mat expression = arma::exp(log_normalized) - 1.0;
    arma::vec mean = arma::mean(expression, 1), dispersion(n_features);
    for (uword f = 0; f < n_features; ++f) {
        if (mean(f) == 0.0) mean(f) = 1e-12;
        const double ratio = arma::var(arma::vec(expression.row(f).t())) / mean(f);
        dispersion(f) = ratio == 0.0 ? arma::datum::nan : std::log(ratio);
        mean(f) = std::log(1.0 + mean(f));
    }
    const double low = mean.min(), width = (mean.max() - low) / static_cast<double>(n_bins);
    arma::uvec bin(n_features);
    for (uword f = 0; f < n_features; ++f) {  // bins are closed on the right
        uword b = 0;
        while (b + 1 < n_bins && mean(f) > low + static_cast<double>(b + 1) * width) ++b;
        bin(f) = b;
    }
    arma::vec normalized(n_features);
    for (uword f = 0; f < n_features; ++f) {
        double count = 0.0, sum = 0.0, squares = 0.0;
        for (uword g = 0; g < n_features; ++g) {
            if (bin(g) != bin(f) || std::isnan(dispersion(g))) continue;
            count += 1.0;
            sum += dispersion(g);
        }
        const double middle = sum / count;
        for (uword g = 0; g < n_features; ++g)
            if (bin(g) == bin(f) && !std::isnan(dispersion(g))) squares += std::pow(dispersion(g) - middle, 2);
        normalized(f) =
            count == 1.0 ? dispersion(f) / middle : (dispersion(f) - middle) / std::sqrt(squares / (count - 1.0));
    }
    return normalized;
}

arma::mat scaled(const arma::mat& cells, double most) {
    arma::mat result = cells;
    for (uword f = 0; f < cells.n_rows; ++f) {
        const arma::vec gene = cells.row(f).t();
        const double spread = arma::stddev(gene);
        for (uword i = 0; i < cells.n_cols; ++i) {
            const double value = (gene(i) - arma::mean(gene)) / (spread == 0.0 ? 1.0 : spread);
            result(f, i) = std::min(most, std::max(-most, value));
        }
    }
    return result;
}

arma::mat pca_scores(const arma::mat& cells, arma::uword n_components) {
    arma::mat centred = cells;
    for (uword f = 0; f < cells.n_rows; ++f) centred.row(f) -= arma::mean(cells.row(f));
    arma::vec values;
    arma::mat vectors;
    arma::eig_sym(values, vectors, arma::mat(centred * centred.t() / (static_cast<double>(cells.n_cols) - 1.0)));
    arma::mat leading = arma::fliplr(vectors.tail_cols(n_components));
    for (uword c = 0; c < n_components; ++c)
        if (leading(arma::abs(leading.col(c)).index_max(), c) < 0.0) leading.col(c) = -leading.col(c);
    return leading.t() * centred;
}

}  // namespace bcbench::reference
