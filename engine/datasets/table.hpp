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
    /// File of labels: a header row, then one row per cell, in the order of `cells` or matched by name
    /// (`match_cells`). Further columns are ignored.
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
    /// How rows of labels find cells that have names: "name" takes the row whose first field is the cell's name,
    /// wherever it stands, unless not one of these fields names a cell; "order" takes the row at the cell's place and
    /// refuses the same names in another order.
    std::string match_cells = "name";
    /// What happens to cells without a type: "error", "drop", or "keep", which labels them unlabelled_name
    /// (core/unlabelled.hpp).
    std::string missing_types = "error";
    /// Every value is multiplied by this, > 0. Principal components of scaled data can be as small as 0.01,
    /// where widths made for unit scale (sigma, a kernel's bandwidth) see one single point; a larger scale
    /// spreads the cells.
    double scale = 1.0;
};

/// Throws std::invalid_argument unless a file for each and a batch column are named and `scale` is usable.
void validate(const Options& options);

/// Reads both files: `cells` is [F x n], labels are numbered in order of their first appearance in the
/// cells, so the batch of the first cell is batch 0. Separator, quotes and line ends: see DelimitedReader.
/// Numbers are decimal, with a point, finite; a `+` and surrounding spaces are accepted. Labels are taken as
/// they stand but for spaces around them, and must not be empty. `notes` receives what a reader should know: labels
/// that were merged, cells that were dropped, and columns that look more like batches where these look wrong. Throws
/// DataError as "file:line: column N ('title'): what is wrong".
Dataset<double> load(const Options& options, std::vector<std::string>* notes = nullptr);

/// Throws DataError, as load would, unless the metadata's header has every column that the options name. Reads no more.
void require_columns(const Options& options);

/// The cells [F x n] with the labels that the metadata of `options` gives them; `cell_names` are theirs, or empty, and
/// `options.cells` is what messages call them. [0 x n] does for cells that are elsewhere.
/// Cells without a type are kept unless they are an error: drop_unlabelled() drops them.
Dataset<double> labelled(Matrix<double> cells, std::vector<std::string> cell_names, const Options& options,
                         std::vector<std::string>* notes = nullptr);

/// As load, of texts in memory; the file names in `options` serve in messages only.
Dataset<double> parse(std::string_view cells, std::string_view metadata, const Options& options,
                      std::vector<std::string>* notes = nullptr);

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
    std::vector<std::string> notes;      // labels that were merged
};
/// In the column `incomplete`, if there is one, a cell without a label gets unlabelled_name; elsewhere it is an error.
LabelFile load_labels(const std::string& file, const std::vector<std::string>& columns,
                      const std::string& incomplete = "");

/// Titles of the columns of a file.
std::vector<std::string> column_titles(const std::string& file);

}  // namespace bcbench::table
