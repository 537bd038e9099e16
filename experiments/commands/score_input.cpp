#include "experiments/commands/score_input.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/datasets/table.hpp"
#include "engine/io/npy.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/system/files.hpp"

namespace bcbench {

namespace {

constexpr const char* default_batch = "batch";
constexpr const char* default_types[] = {"cell_type", "celltype", "type"};

// A file, and for .h5ad what inside it.
struct Place {
    std::string file;
    std::string inside;  // "obsm/X_pca"
    bool is_h5ad = false;
};

Place place_of(const std::string& text) {
    const auto is_h5ad = [](const std::string& file) { return file.ends_with(".h5ad"); };
    const std::size_t colon = text.rfind(".h5ad:");
    if (colon != std::string::npos) return {text.substr(0, colon + 5), text.substr(colon + 6), true};
    return {text, "obsm/X_pca", is_h5ad(text)};
}

H5adLimits limits_of(unsigned threads) {
    H5adLimits limits;
    limits.threads = threads;
    return limits;
}

Matrix<double> npy_cells(const std::string& file) {
    const npy::Array array = npy::decode(read_file(file), file);
    if (array.shape.size() != 2) {
        throw DataError(file + ": holds a list of " + std::to_string(array.shape[0]) +
                        " numbers, expected an array of cells x features");
    }
    Matrix<double> cells(array.shape[1], array.shape[0]);
    std::visit([&](const auto& values) { std::copy(values.begin(), values.end(), cells.begin()); }, array.values);
    const arma::uvec wrong = arma::find_nonfinite(cells);
    if (!wrong.is_empty()) {
        throw DataError(file + ": cell " + std::to_string(wrong[0] / cells.n_rows) + ", feature " +
                        std::to_string(wrong[0] % cells.n_rows) + " (from 0) is not finite");
    }
    return cells;
}

H5adData<double> read_h5ad_part(const std::string& file, const std::string& cells,
                                const std::vector<std::string>& columns, unsigned threads,
                                const std::string& incomplete = "") {
    H5adRequest request;
    request.cells = cells;
    request.label_columns = columns;
    if (!incomplete.empty()) request.missing_by_column[incomplete] = MissingLabels::keep;
    request.limits = limits_of(threads);
    return read_h5ad<double>(file, request);
}

struct Cells {
    Matrix<double> values;           // [F x n]
    std::vector<std::string> names;  // [n], or empty
};

Cells read_cells(const Place& place, unsigned threads) {
    if (place.is_h5ad) {
        auto read = read_h5ad_part(place.file, place.inside, {}, threads);
        if (read.is_sparse) throw DataError(place.file + ": " + place.inside + ": is sparse, expected an embedding");
        return {std::move(read.cells), std::move(read.cell_names)};
    }
    if (place.file.ends_with(".npy")) return {npy_cells(place.file), {}};
    table::Cells read = table::load_cells(place.file);
    return {std::move(read.values), std::move(read.names)};
}

std::vector<std::string> columns_of(const Place& metadata) {
    if (!metadata.is_h5ad) return table::column_titles(metadata.file);
    std::vector<std::string> names;
    for (const H5adColumn& column : describe_h5ad(metadata.file).columns) names.push_back(column.name);
    return names;
}

table::LabelFile read_columns(const Place& metadata, const std::vector<std::string>& columns,
                              const std::string& incomplete, unsigned threads) {
    if (!metadata.is_h5ad) return table::load_labels(metadata.file, columns, incomplete);
    auto read = read_h5ad_part(metadata.file, "", columns, threads, incomplete);
    table::LabelFile file;
    file.row_names = std::move(read.cell_names);
    for (H5adLabelColumn& column : read.labels) file.columns.push_back({column.name, std::move(column.labels)});
    return file;
}

void choose_columns(const ScoreFiles& files, const Place& metadata, ScoreInput& input) {
    input.batch_column = files.batch_column.value_or(default_batch);
    input.type_column = files.type_column.value_or("");
    if (files.batch_column && files.type_column) return;
    const std::vector<std::string> known = columns_of(metadata);
    const auto has = [&](const std::string& name) {
        return std::find(known.begin(), known.end(), name) != known.end();
    };
    if (!files.batch_column && !has(default_batch)) {
        std::string list;
        for (const std::string& name : known) {
            if (!name.empty()) list += (list.empty() ? "" : ", ") + name;
        }
        throw DataError(metadata.file + ": has no column \"batch\"; name the column of the batches with --batch (" +
                        list + "), or give --batch '' if there is one batch");
    }
    if (files.type_column) return;
    for (const char* name : default_types) {
        if (input.type_column.empty() && has(name)) input.type_column = name;
    }
}

void require_as_many(const Cells& cells, const std::string& file, arma::uword n_labels, const std::string& metadata) {
    if (cells.values.n_cols == n_labels) return;
    const bool transposed = cells.values.n_rows == n_labels;
    throw DataError(file + ": has " + std::to_string(cells.values.n_cols) + " rows, but " + metadata + " has " +
                    std::to_string(n_labels) + "; expected one per cell in both" +
                    (transposed ? " (its columns are as many: is it transposed?)" : ""));
}

// The place of each of `cells` among `rows`, by their names; empty: they are in one order, or not both have names.
std::vector<std::size_t> places_of(const std::vector<std::string>& cells, const std::string& file,
                                   const std::vector<std::string>& rows, const std::string& metadata) {
    NameMatch match = match_names(cells, rows);
    if (!match.fault.empty())
        throw DataError(metadata + ": names the cells of " + file + ", but not one for one: " + match.fault);
    return std::move(match.rows);
}

// Labels in the order of the cells.
void bring_into_order(const Cells& cells, const std::string& file, const std::string& metadata,
                      table::LabelFile& labels, ScoreInput& input) {
    const std::vector<std::size_t> places = places_of(cells.names, file, labels.row_names, metadata);
    require_as_many(cells, file, labels.row_names.size(), metadata);
    if (places.empty()) return;
    input.data.batch = labels_at(input.data.batch, places);
    input.data.type = labels_at(input.data.type, places);
    labels.row_names = cells.names;
}

// The cells before the correction, in the order of the labels.
Matrix<double> before_in_order(Cells before, const std::string& file, const std::string& metadata,
                               const table::LabelFile& labels) {
    const std::vector<std::size_t> places =
        before.names.empty() ? std::vector<std::size_t>() : places_of(labels.row_names, metadata, before.names, file);
    require_as_many(before, file, labels.row_names.size(), metadata);
    if (places.empty()) return std::move(before.values);
    return before.values.cols(arma::conv_to<arma::uvec>::from(places));
}

void read_labels(const Place& metadata, unsigned threads, ScoreInput& input, table::LabelFile& file) {
    std::vector<std::string> columns;
    for (const std::string& name : {input.batch_column, input.type_column}) {
        if (!name.empty()) columns.push_back(name);
    }
    const bool is_both = input.type_column == input.batch_column;  // a batch must not be missing
    file = read_columns(metadata, columns, is_both ? "" : input.type_column, threads);
    auto next = file.columns.begin();
    if (!input.batch_column.empty()) input.data.batch = (next++)->labels;
    if (!input.type_column.empty()) input.data.type = next->labels;
}

// Cells without a type, where they are an error: how many, the first, and what can be done.
void require_types(const table::LabelFile& labels, const std::string& metadata, const ScoreInput& input) {
    const std::size_t count = count_unlabelled(input.data.type);
    if (count == 0) return;
    const std::vector<std::uint32_t> typed = labelled_cells(input.data.type);
    std::size_t first = 0;  // cell without a type
    while (first < typed.size() && typed[first] == first) ++first;
    throw DataError(metadata + ": column \"" + input.type_column + "\": " + std::to_string(count) + " of " +
                    std::to_string(input.data.type.code.size()) + " cells have no type, the first is cell " +
                    std::to_string(first) + " (from 0), \"" + labels.row_names[first] +
                    "\"; with --missing-types keep the metrics on types leave such cells out");
}

}  // namespace

ScoreInput read_score_input(const ScoreFiles& files) {
    const Place embedding = place_of(files.embedding);
    const Place metadata = place_of(files.metadata.empty() ? embedding.file : files.metadata);
    if (files.metadata.empty() && !embedding.is_h5ad) {
        throw std::invalid_argument("METADATA is missing: the file with a row of labels for each cell of " +
                                    embedding.file);
    }
    ScoreInput input;
    choose_columns(files, metadata, input);
    table::LabelFile labels;
    read_labels(metadata, files.threads, input, labels);
    if (files.missing_types != "keep") require_types(labels, metadata.file, input);
    Cells cells = read_cells(embedding, files.threads);
    bring_into_order(cells, files.embedding, metadata.file, labels, input);
    input.data.cells = std::move(cells.values);
    if (!files.before.empty()) {
        Cells before = read_cells(place_of(files.before), files.threads);
        input.before = before_in_order(std::move(before), files.before, metadata.file, labels);
    }
    auto about = std::make_shared<Annotations>();
    about->batch_column = input.batch_column;
    about->type_column = input.type_column;
    input.data.about = std::move(about);
    return input;
}

}  // namespace bcbench
