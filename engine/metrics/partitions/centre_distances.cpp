#include "engine/metrics/partitions/centre_distances.hpp"

#include <algorithm>
#include <limits>

#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::kmeans {

namespace {

/// How far |x|^2 + |c|^2 - 2 x.c can be from the squared distance as defined: both are sums of F + 2 terms of sizes
/// that add up to at most (|x| + |c|)^2 <= 2 (|x|^2 + |c|^2), in any order, each rounded to a unit u = eps / 2 in the
/// last place; F + 4 such roundings on either side, and a factor of 2 to spare.
double rounding_of(double norm_x, double norm_c, arma::uword n_features) {
    const auto roundings = static_cast<double>(n_features + 4);
    return 4.0 * roundings * std::numeric_limits<double>::epsilon() * (norm_x + norm_c);
}

arma::vec norms_of(const arma::mat& columns_of) { return arma::sum(arma::square(columns_of), 0).t(); }

}  // namespace

double squared_distance(const double* x, const double* y, arma::uword n_features) {
    double sum = 0.0;
    for (arma::uword f = 0; f < n_features; ++f) sum += (x[f] - y[f]) * (x[f] - y[f]);
    return sum;
}

template <class Real>
CentredCells::CentredCells(const Matrix<Real>& cells) : values(arma::conv_to<arma::mat>::from(cells)) {
    const Tiles chunks = chunks_of(values.n_cols);
    arma::mat partial(values.n_rows, chunks.count());
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        partial.col(chunk) = arma::sum(columns(values, chunks.first(chunk), chunks.size(chunk)), 1);
    });
    mean = arma::sum(partial, 1) / static_cast<double>(values.n_cols);
    norm.set_size(values.n_cols);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        arma::mat part = columns(values, chunks.first(chunk), chunks.size(chunk));
        part.each_col() -= mean;
        norm.subvec(chunks.first(chunk), chunks.first(chunk) + chunks.size(chunk) - 1) = norms_of(part);
    });
}

arma::mat squared_distances(const CentredCells& cells, arma::uword first, arma::uword count, const arma::mat& centres) {
    const arma::uword n_features = centres.n_rows;
    count_operations(count * centres.n_cols, 2 * n_features);
    const arma::vec norm_c = norms_of(centres);
    arma::mat distance = centres.t() * columns(cells.values, first, count);  // [K x count]
    for (arma::uword i = 0; i < count; ++i) {
        const double norm_x = cells.norm[first + i];
        for (arma::uword c = 0; c < centres.n_cols; ++c) {
            double& entry = distance(c, i);
            entry = norm_x + norm_c[c] - 2.0 * entry;
            if (entry > rounding_of(norm_x, norm_c[c], n_features)) continue;
            entry = squared_distance(cells.values.colptr(first + i), centres.colptr(c), n_features);
        }
    }
    return distance;
}

std::vector<std::uint32_t> nearest_centres(const CentredCells& cells, const arma::mat& centres) {
    std::vector<std::uint32_t> nearest(cells.values.n_cols);
    const double largest_norm = norms_of(centres).max();
    const Tiles tiles{cells.values.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const arma::mat distance = squared_distances(cells, tiles.first(tile), tiles.size(tile), centres);
        for (arma::uword i = 0; i < tiles.size(tile); ++i) {
            const arma::uword cell = tiles.first(tile) + i;
            const double* of_cell = distance.colptr(i);
            const double* best = std::min_element(of_cell, of_cell + centres.n_cols);
            const double open = *best + 2.0 * rounding_of(cells.norm[cell], largest_norm, centres.n_rows);
            double smallest = std::numeric_limits<double>::infinity();
            nearest[cell] = static_cast<std::uint32_t>(best - of_cell);
            if (std::count_if(of_cell, of_cell + centres.n_cols, [open](double d) { return d <= open; }) == 1) continue;
            for (arma::uword c = 0; c < centres.n_cols; ++c) {  // several may be the nearest
                if (of_cell[c] > open) continue;
                const double defined = squared_distance(cells.values.colptr(cell), centres.colptr(c), centres.n_rows);
                if (!(defined < smallest)) continue;
                smallest = defined;
                nearest[cell] = static_cast<std::uint32_t>(c);
            }
        }
    });
    return nearest;
}

template CentredCells::CentredCells(const Matrix<float>&);
template CentredCells::CentredCells(const Matrix<double>&);

}  // namespace bcbench::kmeans
