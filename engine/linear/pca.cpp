#include "engine/linear/pca.hpp"

#include <algorithm>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/leading_eigenvectors.hpp"
#include "engine/linear/products.hpp"

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

constexpr std::size_t most_partial_bytes = std::size_t{256} << 20;

// chunks_of, or fewer chunks where 64 matrices [F x F] would be too much to hold.
Tiles chunks_with_squares(std::size_t n_cells, std::size_t n_features) {
    const std::size_t most = std::max<std::size_t>(1, most_partial_bytes / (8 * n_features * n_features));
    const std::size_t n_tiles = Tiles{n_cells, tile_cells}.count();
    return most >= 64 ? chunks_of(n_cells) : Tiles{n_cells, tile_cells * ((n_tiles + most - 1) / most)};
}

// Sum over cells of (y - mean)(y - mean)^T. [F x F]
template <class Real>
arma::mat scatter(const Matrix<Real>& cells, const arma::vec& mean) {
    const Tiles chunks = chunks_with_squares(cells.n_cols, cells.n_rows);
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

// The same matrix times x [F x b], without ever forming it.
template <class Real>
arma::mat scatter_times(const Matrix<Real>& cells, const arma::vec& mean, const arma::mat& x) {
    count_operations(cells.n_cols, 4 * x.n_elem);
    const Tiles chunks = chunks_of(cells.n_cols);
    std::vector<arma::mat> partial(chunks.count(), arma::mat(arma::size(x), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            arma::mat centred = in_double(cells, first, count);
            centred.each_col() -= mean;
            partial[chunk] += centred * (centred.t() * x);
        });
    });
    for (std::size_t i = 1; i < partial.size(); ++i) partial.front() += partial[i];
    return partial.front();
}

// All eigenvectors cost F^3; few features are soon done, and give the same bits as ever.
constexpr uword few_features = 256;
constexpr uword most_dimensions = 400;  // of the space in which leading components are sought before that gives up

// The leading `count` principal directions, in falling order. [F x count]
template <class Real>
arma::mat leading_directions(const Matrix<Real>& cells, const arma::vec& mean, uword count) {
    if (cells.n_rows > few_features) {
        const auto product = [&](const arma::mat& x) { return scatter_times(cells, mean, x); };
        auto leading = leading_eigenvectors(product, cells.n_rows, count, std::min(most_dimensions, cells.n_rows / 2));
        if (leading) return std::move(*leading);
    }
    arma::vec variance;
    arma::mat loadings;  // [F x F], by increasing variance
    count_operations(cells.n_cols, 2 * cells.n_rows * cells.n_rows);
    if (!arma::eig_sym(variance, loadings, scatter(cells, mean))) {
        throw NumericalError("the principal components did not converge");
    }
    return arma::fliplr(loadings.tail_cols(count));
}

}  // namespace

template <class Real>
Matrix<double> principal_components(const Matrix<Real>& cells, uword n_components) {
    require(cells.n_cols > 0 && cells.n_rows > 0, "principal components need cells and features");
    const arma::vec mean = mean_cell(cells);
    const uword kept = std::min(n_components, cells.n_rows);
    arma::mat leading = leading_directions(cells, mean, kept);
    for (uword c = 0; c < kept; ++c) {
        if (leading(arma::abs(leading.col(c)).index_max(), c) < 0.0) leading.col(c) *= -1.0;
    }
    count_operations(cells.n_cols, 2 * leading.n_elem);
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
