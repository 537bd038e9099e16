// X, layers, obsm, raw: the matrices of cells. Used by the worker only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiments/h5ad/transport.hpp"
#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

/// Where a matrix lies: in old files obsm is a table whose columns are the matrices, and raw/X is called raw.X.
struct MatrixPlace {
    std::string name;    // as in a request: "obsm/X_pca"
    std::string path;    // in the file
    std::string member;  // of a table; else empty
};

std::vector<MatrixPlace> matrices_in(const File& file);

/// What is stored there, without reading the values: storage, element, n_rows, n_columns, n_entries, compression; or,
/// if it cannot be read, the fault.
nlohmann::json matrix_summary(const File& file, const MatrixPlace& place);

/// Reads the matrix called `name`, which must have `n_cells` rows and, unless `n_features` is 0, so many columns.
/// Dense:
/// {"storage": "dense", "type": "float32" | "float64", "n_columns", "values"}, cell after cell. Sparse: {"storage":
/// "sparse", "type", "n_columns", "start" [n + 1] uint64, "feature" uint32, "value"} as SparseCells. Throws FileFault,
/// naming the nearest if there is none of that name.
nlohmann::json read_matrix(const File& file, const std::string& name, std::size_t n_cells, std::size_t n_features,
                           Outbox& outbox);

}  // namespace bcbench::h5ad
