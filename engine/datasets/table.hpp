// Dataset `table`: cells and labels from CSV or TSV files, plain or gzip-compressed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::table {

struct Options {
    /// File of numbers: a header row with the features' names, then one row per cell. Principal components,
    /// usually.
    std::string cells;
    /// File of labels: a header row, then one row per cell, in the order of `cells`. Further columns are
    /// ignored.
    std::string metadata;
    /// Column of `metadata` with each cell's batch.
    std::string batch_column;
    /// Column of `metadata` with each cell's type; empty: the types are unknown.
    std::string type_column;
    /// Further columns of `metadata` with labels.
    std::vector<std::string> covariates;
    /// True if the first column of `cells` names the cells; it is not read as a feature. The headers of both
    /// files may then have one field less than the rows, as R's write.table leaves them.
    bool row_names = false;
    /// Every value is multiplied by this, > 0. Principal components of scaled data can be as small as 0.01,
    /// where widths made for unit scale (sigma, a kernel's bandwidth) see one single point; a larger scale
    /// spreads the cells.
    double scale = 1.0;
};

/// Throws std::invalid_argument unless a file for each and a batch column are named and `scale` is usable.
void validate(const Options& options);

/// Reads both files: `cells` is [F x n], labels are numbered in order of their first appearance in the
/// metadata, so the batch of the first cell is batch 0. Separator, quotes and line ends: see DelimitedReader.
/// Numbers are decimal, with a point, finite; a `+` and surrounding spaces are accepted. Labels are taken as
/// they stand and must not be empty. Throws DataError as "file:line: column N ('title'): what is wrong".
Dataset<double> load(const Options& options);

/// Throws DataError, as load would, unless the metadata's header has every column that the options name. Reads no more.
void require_columns(const Options& options);

/// The cells [F x n] with the labels that the metadata of `options` gives them; `cell_names` are theirs, or empty, and
/// `options.cells` is what messages call them. [0 x n] does for cells that are elsewhere.
Dataset<double> labelled(Matrix<double> cells, std::vector<std::string> cell_names, const Options& options);

/// As load, of texts in memory; the file names in `options` serve in messages only.
Dataset<double> parse(std::string_view cells, std::string_view metadata, const Options& options);

/// The cells of one file alone. Its first column names them, and is no feature, if it is no number in the first row, or
/// has no title or one of cell, cell_id, barcode, index.
struct Cells {
    Matrix<double> values;                   // [F x n]
    std::vector<std::string> names;          // [n], or empty
    std::vector<std::string> feature_names;  // [F]
};
Cells load_cells(const std::string& file);

/// Columns of labels of one file.
struct LabelFile {
    std::vector<LabelColumn> columns;    // those asked for, numbered in order of first appearance
    std::vector<std::string> row_names;  // [n] what the first column holds, be it names or not
};
LabelFile load_labels(const std::string& file, const std::vector<std::string>& columns);

/// Titles of the columns of a file.
std::vector<std::string> column_titles(const std::string& file);

/// Where rows of two files belong together by their place but both name the same cells in another order: "cell 2 is 'b'
/// there and 'a' here". Empty: not so.
std::string order_fault(const std::vector<std::string>& there, const std::vector<std::string>& here);

}  // namespace bcbench::table
