// The nouns of the engine. Shapes are written [rows x columns] with the symbols
//   n cells, F features, B batches, T types, K clusters, H hidden units, L latent dimensions, k neighbours.
// A cell is a column: cells are [F x n] in column-major memory, which is the row-major n x F array users see.
#pragma once

#include <armadillo>
#include <cstdint>
#include <memory>
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

/// How many of the names have cells.
std::size_t labels_with_cells(const Labels& labels);

/// A column of labels with its name.
struct LabelColumn {
    std::string name;
    Labels labels;  // [n]
};

/// What is known of a dataset beside its numbers, batches and types. Shared by every copy of the dataset, whatever its
/// arithmetic. Empty lists: not known.
struct Annotations {
    std::vector<std::string> cell_names;     // [n]
    std::vector<std::string> feature_names;  // [F]
    std::string batch_column;                // what the source calls `batch`
    std::string type_column;                 // and `type`
    std::vector<LabelColumn> columns;        // further ones: covariates
};

template <class Real>
struct Dataset {
    Matrix<Real> cells;  // [F x n]
    Labels batch;        // [n]
    Labels type;         // [n], or empty
    std::shared_ptr<const Annotations> about = nullptr;
};

/// The label column called `name`, be it the batch, the type or a further one; nullptr if there is none.
template <class Real>
const Labels* find_column(const Dataset<Real>& data, const std::string& name) {
    if (!data.about) return nullptr;
    if (name == data.about->batch_column) return &data.batch;
    if (name == data.about->type_column && !data.type.empty()) return &data.type;
    for (const LabelColumn& column : data.about->columns) {
        if (column.name == name) return &column.labels;
    }
    return nullptr;
}

/// Values by name: latent cells, centroids, parameters.
template <class Real>
struct NamedArray {
    std::string name;
    Matrix<Real> values;
};

/// A quantity along an iteration or a training: one value per step looked at.
struct Curve {
    std::string name;
    std::vector<double> values;
};

template <class Real>
arma::mat in_double(const Matrix<Real>& values) {
    return arma::conv_to<arma::mat>::from(values);
}

template <class Real>
Dataset<double> in_double(const Dataset<Real>& data) {
    return {in_double(data.cells), data.batch, data.type, data.about};
}

/// Arithmetic of a run. `tf32` is double arithmetic in which the operands of eligible dense-layer products are
/// rounded to 10 mantissa bits, as NVIDIA tensor cores do; in double, the rounded operands do not depend on the
/// order of earlier sums.
enum class Precision { float64, float32, tf32 };

}  // namespace bcbench
