#include "engine/pca.hpp"

#include <algorithm>
#include <vector>

#include "engine/check.hpp"
#include "engine/operations.hpp"
#include "engine/linear.hpp"
#include "engine/parallel.hpp"

namespace bcbench {

namespace {

using arma::uword;

template <class Real>
arma::mat in_double(const Matrix<Real>& cells, uword first, uword count) {
    return arma::conv_to<arma::mat>::from(columns(cells, first, count));
}

template <class Real>
arma::vec mean_cell(const Matrix<Real>& cells) {
    arma::vec sum(cells.n_rows, arma::fill::zeros);
    for (uword i = 0; i < cells.n_cols; ++i) sum += arma::conv_to<arma::vec>::from(cells.col(i));
    return sum / static_cast<double>(cells.n_cols);
}

// Sum over cells of (y - mean)(y - mean)^T. [F x F]
template <class Real>
arma::mat scatter(const Matrix<Real>& cells, const arma::vec& mean) {
    const Tiles chunks = chunks_of(cells.n_cols);
    std::vector<arma::mat> partial(chunks.count(), arma::mat(cells.n_rows, cells.n_rows, arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            arma::mat centred = in_double(cells, first, count);
            centred.each_col() -= mean;
            partial[chunk] += centred * centred.t();
        });
    });
    for (std::size_t i = 1; i < partial.size(); ++i) partial.front() += partial[i];
    return partial.front();
}

}  // namespace

template <class Real>
Matrix<double> principal_components(const Matrix<Real>& cells, uword n_components) {
    require(cells.n_cols > 0 && cells.n_rows > 0, "principal components need cells and features");
    count_operations(cells.n_cols, 2 * cells.n_rows * (cells.n_rows + n_components));  // scatter and projection
    const arma::vec mean = mean_cell(cells);
    arma::vec variance;
    arma::mat loadings;  // [F x F], by increasing variance
    if (!arma::eig_sym(variance, loadings, scatter(cells, mean))) {
        throw NumericalError("the principal components did not converge");
    }
    const uword kept = std::min(n_components, cells.n_rows);
    arma::mat leading = arma::fliplr(loadings.tail_cols(kept));
    for (uword c = 0; c < kept; ++c) {
        if (leading(arma::abs(leading.col(c)).index_max(), c) < 0.0) leading.col(c) *= -1.0;
    }
    arma::mat projected(n_components, cells.n_cols, arma::fill::zeros);
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const uword first = tiles.first(tile);
        arma::mat centred = in_double(cells, first, tiles.size(tile));
        centred.each_col() -= mean;
        projected.submat(0, first, kept - 1, first + tiles.size(tile) - 1) = leading.t() * centred;
    });
    return projected;
}

template Matrix<double> principal_components(const Matrix<float>&, uword);
template Matrix<double> principal_components(const Matrix<double>&, uword);

}  // namespace bcbench
