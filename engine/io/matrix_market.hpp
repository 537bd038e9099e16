// Matrix Market files of sparse matrices (.mtx, plain or gzip), and the folders of three files that 10x Genomics' tools
// write: matrix.mtx, barcodes.tsv, features.tsv.
#pragma once

#include <string>
#include <vector>

#include "engine/core/sparse.hpp"
#include "engine/io/csv.hpp"

namespace bcbench {

/// Which side of a Matrix Market file the cells are on: 10x's tools write a column per cell.
enum class CellsAre { columns, rows };

/// Reads "%%MatrixMarket matrix coordinate (real | integer | pattern) general"; a pattern's entries are 1. `name`
/// stands for the text in messages. Throws DataError as "name:line: what" if it is anything else, an entry lies outside
/// of the matrix, is not finite, or stands twice, or if there are more or fewer than the file says.
template <class Real>
SparseCells<Real> read_matrix_market(const std::string& name, ByteSource source, CellsAre cells_are);

/// The same for a file.
template <class Real>
SparseCells<Real> read_matrix_market(const std::string& path, CellsAre cells_are);

template <class Real>
struct TenX {
    SparseCells<Real> counts;
    std::vector<std::string> cell_names;     // [n] of barcodes.tsv
    std::vector<std::string> feature_ids;    // [F] first column of features.tsv (or genes.tsv)
    std::vector<std::string> feature_names;  // [F] second column; the first if there is none
};

/// Reads a folder with matrix.mtx, barcodes.tsv and features.tsv (before 2018: genes.tsv), each plain or .gz. A matrix
/// whose rows are the barcodes and whose columns the features is turned. Throws DataError if a file is missing or they
/// do not fit together.
template <class Real>
TenX<Real> read_10x(const std::string& folder);

}  // namespace bcbench
