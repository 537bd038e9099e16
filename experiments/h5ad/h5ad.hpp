// AnnData's files (.h5ad): read cells and labels, say what is in a file, add embeddings to a copy.
//
// The HDF5 library that opens them can crash, hang or read beyond its buffers on a damaged file. It therefore never
// runs in this process: each call starts the program again as a worker (worker.hpp) with bounded memory, which answers
// through shared memory. A file that breaks the worker gives a DataError and nothing else.
//
// The files of this room, from the outside in: h5ad (this), dataset, read, describe, write (the caller's side),
// transport, worker (the other side), then, in worker/, what it is made of: columns, matrices, summary, additions over
// stored (arrays), filters, global_heap, elements, hdf (handles, links, attributes).
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/core/sparse.hpp"
#include "engine/core/types.hpp"

namespace bcbench {

/// What a worker may use.
struct H5adLimits {
    /// Bytes of memory; 0: three quarters of the machine's. A file that needs more is refused.
    std::uint64_t memory = 0;
    /// A worker that makes no progress for so long is ended. Each array is read in pieces, so that large files may take
    /// any time in all.
    unsigned stall_seconds = 120;
    /// Threads that inflate compressed pieces. Results do not depend on it.
    unsigned threads = 1;
    /// The program that is started as the worker: one whose main calls h5ad::worker_main first.
    std::string program = "/proc/self/exe";
};

namespace h5ad {
/// The bytes that `limits` allow.
std::uint64_t memory_limit(const H5adLimits& limits);
}  // namespace h5ad

/// What happens to a cell without a label in one of the columns asked for.
enum class MissingLabels { error, drop, label, keep };

/// Name of the label that MissingLabels::label gives; `keep` gives unlabelled_name (core/unlabelled.hpp).
inline constexpr const char* missing_label = "missing";

struct H5adRequest {
    /// Path inside the file: "obsm/KEY", "X", "layers/NAME" or "raw/X"; empty: no cells, only columns.
    std::string cells = "obsm/X_pca";
    /// Columns of obs to be read as labels: categorical, text, boolean, or whole numbers.
    std::vector<std::string> label_columns;
    /// Columns of obs to be read as numbers; missing values are NaN.
    std::vector<std::string> number_columns;
    MissingLabels missing = MissingLabels::error;
    std::map<std::string, MissingLabels> missing_by_column;  // in these columns this, instead of `missing`

    /// Only cells whose label in this column is one of `subset_values`; empty: all cells.
    std::string subset_column;
    std::vector<std::string> subset_values;

    /// So many cells, drawn without replacement by `seed`, in the order of the file; 0: all. With `stratify_column`
    /// each label keeps its share, rounded so that the shares sum to n_cells (largest remainders first).
    std::size_t n_cells = 0;
    std::uint64_t seed = 0;
    std::string stratify_column;

    H5adLimits limits;
};

struct H5adLabelColumn {
    std::string name;
    Labels labels;                        // [n], numbered in order of first appearance; only labels that occur
    std::vector<std::string> categories;  // as the file lists them, with those that do not occur
    std::size_t n_missing = 0;            // cells without a label, before `missing` was applied
};

struct H5adNumberColumn {
    std::string name;
    std::vector<double> values;  // [n]
};

template <class Real>
struct H5adData {
    Matrix<Real> cells;                      // [F x n], empty if the file stores them sparse
    SparseCells<Real> sparse;                // the same, if it does
    bool is_sparse = false;                  //
    std::vector<std::string> cell_names;     // [n]
    std::vector<std::string> feature_names;  // [F]; for obsm/X_pca: X_pca1, X_pca2, ...
    std::vector<H5adLabelColumn> labels;     // in the order of the request
    std::vector<H5adNumberColumn> numbers;   // in the order of the request
    std::vector<std::size_t> rows;           // [n] which row of the file each cell is, from 0, ascending
    std::size_t n_cells_in_file = 0;
};

/// Reads what `request` names. Integers and floats of up to 32 bits come as they are, all others as float64, then as
/// Real. Every value of `cells` is finite. Throws DataError as "file: path inside it: what is wrong".
template <class Real>
H5adData<Real> read_h5ad(const std::string& file, const H5adRequest& request);

// ---- what is in a file ----

struct H5adColumn {
    std::string name;
    std::string kind;   // "categorical", "text", "boolean", "integer", "number", or "" if it cannot be read
    std::string fault;  // why not
    std::size_t n_missing = 0;
    std::vector<std::pair<std::string, std::size_t>> labels;  // with their counts, most frequent first, at most 1000
    std::size_t n_labels = 0;                                 // of them, in all
    double least = 0.0, largest = 0.0;                        // of numbers and integers

    friend bool operator==(const H5adColumn&, const H5adColumn&) = default;
};

struct H5adArray {
    std::string path;     // "X", "obsm/X_pca"
    std::string storage;  // "dense", "csr", "csc", or "" if it cannot be read
    std::string fault;
    std::string element;  // "float32"
    std::size_t n_rows = 0, n_columns = 0;
    std::size_t n_entries = 0;  // stored, if sparse
    std::string compression;    // "gzip", "lzf", ... or ""
    bool counts = false;        // its first values are whole numbers, none negative

    friend bool operator==(const H5adArray&, const H5adArray&) = default;
};

struct H5adSummary {
    std::string file;
    std::uint64_t bytes = 0;
    std::size_t n_cells = 0, n_features = 0;
    std::string layout;                     // what wrote it, as far as it shows
    std::vector<H5adColumn> columns;        // of obs
    std::vector<H5adArray> arrays;          // X, layers, obsm, raw/X
    std::vector<std::string> unstructured;  // names in uns
};

/// Throws DataError if the file is no .h5ad file at all; a part that cannot be read has its fault in the summary.
H5adSummary describe_h5ad(const std::string& file, const H5adLimits& limits = {});

/// The summary as text for a terminal.
std::string h5ad_text(const H5adSummary& summary);

/// An experiment config that runs on the file: the cells, batch and type column most likely meant. Where there is no
/// column that can be the batch, its name is "BATCH_COLUMN", for the user to replace.
std::string h5ad_config(const H5adSummary& summary);

// ---- back into a copy ----

struct H5adEmbedding {
    std::string key;      // in obsm, see obsm_key
    Matrix<float> cells;  // [L x n]
};

struct H5adAdditions {
    std::vector<H5adEmbedding> embeddings;
    /// For uns: an object of strings, numbers, booleans, lists of one of them, and such objects.
    nlohmann::ordered_json unstructured = nlohmann::ordered_json::object();
    /// Row of the file of each column of `cells` (H5adData::rows); other rows become NaN. Empty: all rows in order.
    std::vector<std::size_t> rows;
};

/// "X_" and the label, with what would make it a path written as '_'.
std::string obsm_key(const std::string& label);

/// Writes `out`: a copy of `file` with obsm[key] (float32) for each embedding and uns["bcbench"]. A key that obsm has
/// already is refused; uns["bcbench"] is replaced. `out` takes its place only when it is whole, and must not be `file`.
/// Throws DataError if the file cannot take them, FileError if `out` cannot be written, std::invalid_argument for
/// embeddings that do not fit.
void write_h5ad(const std::string& file, const std::string& out, H5adAdditions additions,
                const H5adLimits& limits = {});

}  // namespace bcbench
