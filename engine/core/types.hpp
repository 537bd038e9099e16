// The nouns of the engine. Shapes are written [rows x columns] with the symbols
//   n cells, F features, B batches, T types, K clusters, H hidden units, L latent dimensions, k neighbours.
// A cell is a column: cells are [F x n] in column-major memory, which is the row-major n x F array users see.
#pragma once

#include <armadillo>
#include <cstdint>
#include <string>
#include <vector>

namespace bcbench {

template <class Real>
using Matrix = arma::Mat<Real>;

template <class Real>
using Vector = arma::Col<Real>;

/// One categorical label per cell: `code[i]` indexes `names`. No codes: the dataset does not have this label.
struct Labels {
    std::vector<std::uint32_t> code;  // [n]
    std::vector<std::string> names;   // [B] or [T]

    std::size_t count() const { return names.size(); }
    bool empty() const { return code.empty(); }
};

/// How many cells carry each label, in the order of `names`.
std::vector<std::size_t> label_sizes(const Labels& labels);

template <class Real>
struct Dataset {
    Matrix<Real> cells;  // [F x n]
    Labels batch;        // [n]
    Labels type;         // [n], or empty
};

/// Arithmetic of a run. `tf32` is double arithmetic in which the operands of eligible dense-layer products are
/// rounded to 10 mantissa bits, as NVIDIA tensor cores do; in double, the rounded operands do not depend on the
/// order of earlier sums.
enum class Precision { float64, float32, tf32 };

}  // namespace bcbench
