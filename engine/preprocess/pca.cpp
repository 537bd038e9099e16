#include "engine/preprocess/pca.hpp"

#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/linear/extreme_eigenpairs.hpp"
#include "engine/linear/symmetric_product.hpp"
#include "engine/preprocess/covariance.hpp"

namespace bcbench::preprocess {

namespace {

using arma::uword;

constexpr uword few_features = 256;  // all eigenvectors are soon done
constexpr uword most_formed = 4096;  // features of a covariance that is formed: 128 MiB
constexpr std::size_t most_partial_bytes = std::size_t{256} << 20;

// chunks_of, or fewer chunks where a matrix [F x F] for each would be too much to hold.
Tiles chunks_with(std::size_t n_cells, std::size_t bytes_each) {
    const std::size_t most = std::max<std::size_t>(1, most_partial_bytes / std::max<std::size_t>(1, bytes_each));
    const std::size_t n_tiles = Tiles{n_cells, tile_cells}.count();
    return most >= 64 ? chunks_of(n_cells) : Tiles{n_cells, tile_cells * ((n_tiles + most - 1) / most)};
}

// Sum of body(partial, cell) over the cells, chunk by chunk in order.
template <class Body>
arma::mat summed(const Cells& cells, uword n_rows, uword n_columns, const Body& body) {
    const Tiles chunks = chunks_with(cells.n_cells(), n_rows * n_columns * sizeof(double));
    std::vector<arma::mat> partial(chunks.count(), arma::mat(n_rows, n_columns, arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for_each_tile(chunks, chunk, [&](std::size_t first, std::size_t count) { body(partial[chunk], first, count); });
    });
    for (std::size_t i = 1; i < partial.size(); ++i) partial.front() += partial[i];
    return std::move(partial.front());
}

// X of a tile of dense cells, centred. [F x count]
arma::mat centred(const Cells& cells, const arma::vec& mean, std::size_t first, std::size_t count) {
    arma::mat tile = cells.dense.cols(first, first + count - 1);
    tile.each_col() -= mean;
    return tile;
}

// The scores W^T (x - mean) of every cell. [c x n]
arma::mat projected(const Cells& cells, const arma::vec& mean, const arma::mat& w) {
    count_operations(cells.n_cells(), 2 * w.n_elem);
    const arma::mat rows = w.t();  // [c x F]: a column per feature
    const arma::vec origin = rows * mean;
    arma::mat scores(w.n_cols, cells.n_cells(), arma::fill::none);
    const Tiles tiles{cells.n_cells(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const std::size_t first = tiles.first(tile), count = tiles.size(tile);
        if (!cells.is_sparse) {
            scores.cols(first, first + count - 1) = rows * centred(cells, mean, first, count);
            return;
        }
        for (std::size_t i = first; i < first + count; ++i) {
            double* score = scores.colptr(i);
            for (uword c = 0; c < w.n_cols; ++c) score[c] = -origin[c];
            for (std::uint64_t j = cells.sparse.start[i]; j < cells.sparse.start[i + 1]; ++j) {
                const double* loading = rows.colptr(cells.sparse.feature[j]);
                const double value = cells.sparse.value[j];
                for (uword c = 0; c < w.n_cols; ++c) score[c] += value * loading[c];
            }
        }
    });
    return scores;
}

// The covariance times w [F x b], without forming it.
arma::mat covariance_times(const Cells& cells, const arma::vec& mean, const arma::mat& w) {
    const arma::mat scores = projected(cells, mean, w);  // [b x n]
    const auto n = static_cast<double>(cells.n_cells());
    if (!cells.is_sparse) {
        return summed(cells, w.n_rows, w.n_cols,
                      [&](arma::mat& sum, std::size_t first, std::size_t count) {
                          sum += centred(cells, mean, first, count) * scores.cols(first, first + count - 1).t();
                      }) /
               (n - 1.0);
    }
    // sum of x s^T; that of mean s^T vanishes, since the scores are centred
    const arma::mat transposed =
        summed(cells, w.n_cols, w.n_rows, [&](arma::mat& sum, std::size_t first, std::size_t count) {
            for (std::size_t i = first; i < first + count; ++i) {
                const double* score = scores.colptr(i);
                for_each_entry(cells, i, [&](std::size_t f, double x) {
                    double* column = sum.colptr(f);
                    for (uword c = 0; c < w.n_cols; ++c) column[c] += x * score[c];
                });
            }
        });
    return transposed.t() / (n - 1.0);
}

arma::mat all_directions(const arma::mat& matrix, uword count) {
    arma::vec values;
    arma::mat vectors;  // by increasing variance
    if (!arma::eig_sym(values, vectors, matrix)) throw NumericalError("the principal components did not converge");
    return arma::fliplr(vectors.tail_cols(count));
}

}  // namespace

Pca pca(const Cells& cells, const PcaOptions& options) {
    const std::size_t most = std::min(cells.n_cells(), cells.n_features());
    require_option(options.n_components >= 1 && static_cast<std::size_t>(options.n_components) < most, "n_components",
                   options.n_components,
                   "at least 1 and less than both " + std::to_string(cells.n_cells()) + " cells and " +
                       std::to_string(cells.n_features()) + " features");
    const auto count = static_cast<uword>(options.n_components);
    const Moments found = moments(cells, all_positions(cells.n_cells()), [](double x) { return x; });
    const bool formed = cells.n_features() <= most_formed;
    const arma::mat matrix = formed ? covariance(cells, found.mean) : arma::mat();
    const auto product = [&](const arma::mat& rows) -> arma::mat {  // [b x F] times the covariance
        if (formed) return symmetric_product(rows, matrix);
        return covariance_times(cells, found.mean, rows.t()).t();
    };
    const auto recur = [&](const arma::mat& x, double factor, arma::mat& y) { y = factor * product(x) - y; };
    Pca result;
    const uword n_features = cells.n_features();
    const arma::mat start(n_features, 0);
    std::optional<Eigenpairs> leading;
    if (n_features > few_features && n_features >= 3 * count + 32)
        leading = largest_eigenpairs(recur, n_features, count, start);
    if (leading) {
        result.loadings = leading->vectors.head_cols(count);
    } else if (formed) {
        result.loadings = all_directions(matrix, count);
    } else {
        throw NumericalError("the principal components did not converge; choose fewer features (highly_variable)");
    }
    for (uword c = 0; c < count; ++c) {
        if (result.loadings(arma::abs(result.loadings.col(c)).index_max(), c) < 0.0) result.loadings.col(c) *= -1.0;
    }
    const arma::mat image = product(result.loadings.t()).t();
    result.variance = arma::sum(result.loadings % image, 0).t();
    result.total_variance = arma::accu(found.variance);
    const arma::mat rest = image - result.loadings.each_row() % result.variance.t();
    const double largest = result.variance.max();
    if (!(largest > 0.0)) throw NumericalError("pca: the cells do not vary");
    result.residual = std::sqrt(arma::sum(arma::square(rest), 0).max()) / largest;
    result.scores = projected(cells, found.mean, result.loadings);
    return result;
}

}  // namespace bcbench::preprocess
