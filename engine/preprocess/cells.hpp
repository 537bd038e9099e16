// What the steps from counts to principal components work on: scanpy's steps, in double.
//   normalize_total, log1p -> highly_variable -> scale -> pca
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
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

/// function(x) of one cell's values after another's: a cell has few different ones, as it has few different counts, and
/// looking up what the function was takes less time than computing it. The same bits.
template <class Function>
class Remembered {
  public:
    explicit Remembered(Function function) : function_(function) {
        argument_.fill(std::numeric_limits<double>::quiet_NaN());
    }

    double operator()(double x) {
        const std::size_t slot = (std::bit_cast<std::uint64_t>(x) * 0x9e3779b97f4a7c15U) >> (64 - slot_bits);
        if (argument_[slot] != x) {
            argument_[slot] = x;
            value_[slot] = function_(x);
        }
        return value_[slot];
    }

  private:
    static constexpr int slot_bits = 8;
    Function function_;
    std::array<double, 1 << slot_bits> argument_;
    std::array<double, 1 << slot_bits> value_;
};

/// Mean and variance (n - 1) of every feature. [F]
struct Moments {
    arma::vec mean;
    arma::vec variance;
};

/// Of value(entry) over the cells at `members`, at least two of them; value(0) must be 0, and each thread uses a copy
/// of `value`. Two passes: the second one sums squares about the mean. The same for any number of threads.
template <class Value>
Moments moments(const Cells& cells, std::span<const std::size_t> members, const Value& value) {
    const Tiles chunks = chunks_of(members.size());
    const std::size_t n_features = cells.n_features();
    const auto summed = [&](arma::uword n_sums, const auto& add) {
        std::vector<arma::mat> partial(chunks.count(), arma::mat(n_sums, n_features, arma::fill::zeros));
        parallel_for(chunks.count(), [&](std::size_t chunk) {
            Value own = value;
            for (std::size_t i = 0; i < chunks.size(chunk); ++i) {
                for_each_entry(cells, members[chunks.first(chunk) + i],
                               [&](std::size_t f, double x) { add(partial[chunk].colptr(f), f, own(x)); });
            }
        });
        for (std::size_t i = 1; i < partial.size(); ++i) partial.front() += partial[i];
        return partial.front();
    };
    const auto n = static_cast<double>(members.size());
    const arma::mat sums = summed(2, [](double* sum, std::size_t, double x) {
        sum[0] += x;
        sum[1] += 1.0;
    });
    const arma::vec mean = sums.row(0).t() / n, stored = sums.row(1).t();
    const arma::vec squares =
        summed(1, [&](double* sum, std::size_t f, double x) { *sum += (x - mean[f]) * (x - mean[f]); }).t();
    return {mean, (squares + (n - stored) % arma::square(mean)) / (n - 1.0)};
}

/// The cells with only the features that are `kept` [F].
Cells with_features(const Cells& cells, const std::vector<bool>& kept);

/// All positions below n.
std::vector<std::size_t> all_positions(std::size_t n);

}  // namespace bcbench::preprocess
