// Cells with labels and batches drawn at random, for tests of metrics.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::testing {

struct LabelledCells {
    arma::mat cells;  // [F x n] float32 numbers
    Labels label;
    Labels batch;
};

/// Gaussian cells around a centre for each label, shifted by batch; labels and batches in random order, each used.
inline LabelledCells random_cells(arma::uword n_features, arma::uword n_cells, std::uint32_t n_labels,
                                  std::uint32_t n_batches, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal;
    LabelledCells made;
    for (std::uint32_t l = 0; l < n_labels; ++l) made.label.names.push_back("type " + std::to_string(l));
    for (std::uint32_t b = 0; b < n_batches; ++b) made.batch.names.push_back("batch " + std::to_string(b));
    arma::mat centres(n_features, n_labels), shifts(n_features, n_batches);
    centres.imbue([&] { return static_cast<double>(2.0F * normal(engine)); });
    shifts.imbue([&] { return static_cast<double>(0.7F * normal(engine)); });
    made.cells.set_size(n_features, n_cells);
    for (std::uint32_t i = 0; i < n_cells; ++i) {
        made.label.code.push_back(i < n_labels ? i : static_cast<std::uint32_t>(engine() % n_labels));
        made.batch.code.push_back(i < n_batches ? i : static_cast<std::uint32_t>(engine() % n_batches));
        for (arma::uword f = 0; f < n_features; ++f) {
            const double value = centres(f, made.label.code[i]) + shifts(f, made.batch.code[i]);
            made.cells(f, i) = static_cast<double>(static_cast<float>(value) + normal(engine));
        }
    }
    return made;
}

/// The same cells in another order.
inline LabelledCells permuted(const LabelledCells& data, unsigned seed) {
    std::mt19937 engine(seed);
    std::vector<arma::uword> order(data.cells.n_cols);
    for (arma::uword i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[engine() % (i + 1)]);
    LabelledCells other{data.cells.cols(arma::uvec(order)), data.label, data.batch};
    for (std::size_t i = 0; i < order.size(); ++i) {
        other.label.code[i] = data.label.code[order[i]];
        other.batch.code[i] = data.batch.code[order[i]];
    }
    return other;
}

}  // namespace bcbench::testing
