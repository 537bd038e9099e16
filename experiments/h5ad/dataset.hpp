// Dataset `h5ad`: cells and labels from one AnnData file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "experiments/h5ad/h5ad.hpp"

namespace bcbench::h5ad {

struct Options {
    /// The file, as anndata 0.5 to 0.12 writes it.
    std::string file;
    /// The matrix of the cells inside it: "obsm/KEY", "X", "layers/NAME" or "raw/X". Principal components, usually.
    std::string cells = "obsm/X_pca";
    /// Column of obs with each cell's batch; empty, for one file of several: a single batch without a name.
    std::string batch_column;
    /// Column of obs with each cell's type; empty: the types are unknown.
    std::string type_column;
    /// Further columns of obs with labels.
    std::vector<std::string> covariates;
    /// What happens to cells without a label in one of these columns: "error", "drop" or "label" (a label "missing").
    std::string missing = "error";
    /// The same of the type column: "missing" for what `missing` says, "error", "drop", or "keep" (the label
    /// unlabelled_name of core/unlabelled.hpp).
    std::string missing_types = "missing";
    /// Only cells with one of the labels `subset` in the column `subset_column`; both empty: all cells.
    std::string subset_column;
    std::vector<std::string> subset;
    /// So many cells, drawn by the dataset's seed, each batch by its share; 0: all. For a quick look.
    std::int64_t n_cells = 0;
    /// Every value is multiplied by this, > 0.
    double scale = 1.0;
};

/// Throws std::invalid_argument unless a file, a matrix and a batch column are named and the rest can be used.
void validate(const Options& options);

/// Cells as the file stores them.
struct StoredCells {
    Dataset<double> data;                       // without cells if they are sparse
    std::optional<SparseCells<double>> sparse;  // [F x n]
    std::size_t n_untyped = 0;                  // cells of the file without a type, which were dropped or kept
};

/// As load, but sparse matrices stay sparse, and nothing is multiplied by `scale`.
StoredCells load_stored(const Options& options, std::uint64_t seed, const H5adLimits& limits = {});

/// The matrix with its zeros. Throws DataError beginning with `name` if they exceed the memory.
Matrix<double> with_zeros(const SparseCells<double>& sparse, const std::string& name, const H5adLimits& limits = {});

/// `cells` [F x n], sparse matrices with their zeros; labels numbered in order of first appearance; names of cells and
/// features in the annotations. Throws DataError as read_h5ad, and if a sparse matrix with its zeros exceeds the
/// memory.
Dataset<double> load(const Options& options, std::uint64_t seed, const H5adLimits& limits = {});

/// The rows of the file that load takes, for H5adAdditions::rows. Reads the labels only.
std::vector<std::size_t> rows_of(const Options& options, std::uint64_t seed, const H5adLimits& limits = {});

}  // namespace bcbench::h5ad
