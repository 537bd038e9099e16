// What the steps from counts to principal components work on: scanpy's steps, in double.
//   normalize_total, log1p -> highly_variable -> scale -> pca
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/core/sparse.hpp"
#include "engine/core/types.hpp"

namespace bcbench::preprocess {

/// Cells [F x n] by their entries that are not zero as long as that will do, or with their zeros.
struct Cells {
    SparseCells<double> sparse;              // if is_sparse
    Matrix<double> dense;                    // [F x n] if not
    bool is_sparse = false;                  //
    std::vector<std::string> feature_names;  // [F], or empty

    std::size_t n_features() const { return is_sparse ? sparse.n_features : dense.n_rows; }
    std::size_t n_cells() const { return is_sparse ? sparse.n_cells() : dense.n_cols; }
};

/// Calls body(feature, value) for every stored entry of a cell; the value may be changed if `cells` may.
template <class AnyCells, class Body>
void for_each_entry(AnyCells& cells, std::size_t cell, const Body& body) {
    if (cells.is_sparse) {
        for (std::uint64_t j = cells.sparse.start[cell]; j < cells.sparse.start[cell + 1]; ++j) {
            body(std::size_t{cells.sparse.feature[j]}, cells.sparse.value[j]);
        }
        return;
    }
    auto* column = cells.dense.colptr(cell);
    for (std::size_t f = 0; f < cells.dense.n_rows; ++f) body(f, column[f]);
}

/// Calls body(cell) for every cell, in parallel.
template <class Body>
void for_each_cell(std::size_t n_cells, const Body& body) {
    const Tiles tiles{n_cells, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = 0; i < tiles.size(tile); ++i) body(tiles.first(tile) + i);
    });
}

/// Mean and variance (n - 1) of every feature. [F]
struct Moments {
    arma::vec mean;
    arma::vec variance;
};

/// Of value(entry) over the cells at `members`, at least two of them; value(0) must be 0. Two passes: the second one
/// sums squares about the mean. The same for any number of threads.
template <class Value>
Moments moments(const Cells& cells, std::span<const std::size_t> members, const Value& value) {
    const Tiles chunks = chunks_of(members.size());
    const std::size_t n_features = cells.n_features();
    const auto summed = [&](const auto& add) {
        std::vector<arma::vec> partial(chunks.count(), arma::vec(n_features, arma::fill::zeros));
        parallel_for(chunks.count(), [&](std::size_t chunk) {
            for (std::size_t i = 0; i < chunks.size(chunk); ++i) {
                for_each_entry(cells, members[chunks.first(chunk) + i],
                               [&](std::size_t f, double x) { add(partial[chunk], f, value(x)); });
            }
        });
        for (std::size_t i = 1; i < partial.size(); ++i) partial.front() += partial[i];
        return partial.front();
    };
    const auto n = static_cast<double>(members.size());
    const arma::vec mean = summed([](arma::vec& sum, std::size_t f, double x) { sum[f] += x; }) / n;
    const arma::vec stored = summed([](arma::vec& sum, std::size_t f, double) { sum[f] += 1.0; });
    const arma::vec squares =
        summed([&](arma::vec& sum, std::size_t f, double x) { sum[f] += (x - mean[f]) * (x - mean[f]); });
    return {mean, (squares + (n - stored) % arma::square(mean)) / (n - 1.0)};
}

/// The cells with only the features that are `kept` [F].
Cells with_features(const Cells& cells, const std::vector<bool>& kept);

/// All positions below n.
std::vector<std::size_t> all_positions(std::size_t n);

}  // namespace bcbench::preprocess
