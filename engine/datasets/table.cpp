#include "engine/datasets/table.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/datasets/label_notes.hpp"
#include "engine/datasets/table_columns.hpp"
#include "engine/datasets/typed_cells.hpp"
#include "engine/io/csv.hpp"

namespace bcbench::table {

namespace {

// What may explain that there are `n_rows` rows of labels for another number of cells.
std::string hint(const Dataset<double>& data, const Annotations& about, const std::string& file, std::size_t n_rows) {
    if (data.cells.n_rows == n_rows) {
        return "; " + file + " has " + std::to_string(n_rows) + " columns of numbers: is it transposed?";
    }
    const std::vector<std::string>& titles = about.feature_names;
    const bool numbers = !titles.empty() && std::all_of(titles.begin(), titles.end(), looks_like_number);
    if (numbers && data.cells.n_cols + 1 == n_rows) {
        return "; the first line of " + file + " is all numbers: is its header missing?";
    }
    return "";
}

// The rows of `file` in the order of the cells, called `names` if they have names.
void bring_into_order(const DelimitedReader& reader, const Options& options, const std::vector<std::string>& names,
                      LabelFile& file) {
    const std::string whose = "names the cells of " + options.cells;
    if (names.empty()) return;
    if (options.match_cells == "order") {
        const std::string fault = order_fault(names, file.row_names);
        if (!fault.empty()) reader.fail(whose + " in another order: " + fault);
        return;
    }
    const NameMatch match = match_names(names, file.row_names);
    if (!match.fault.empty()) {
        reader.fail(whose + ", but not one for one: " + match.fault +
                    "; expected one row for each (match_cells: \"order\" takes the rows as they stand)");
    }
    if (match.rows.empty()) return;
    for (LabelColumn& column : file.columns) column.labels = labels_at(column.labels, match.rows);
}

// Labels of the cells, which `data` has, and of which `about` has the names.
void read_labels(DelimitedReader& reader, const Options& options, Dataset<double>& data, Annotations& about,
                 std::vector<std::string>* notes) {
    std::vector<std::string> columns = {options.batch_column};
    const std::size_t place_of_type = 1;
    if (!options.type_column.empty()) columns.push_back(options.type_column);
    const bool may_miss_types = !options.type_column.empty() && options.missing_types != "error";
    const auto first_covariate = static_cast<std::ptrdiff_t>(columns.size());
    columns.insert(columns.end(), options.covariates.begin(), options.covariates.end());
    LabelFile file = read_columns(reader, columns, may_miss_types ? place_of_type : none_incomplete);
    bring_into_order(reader, options, about.cell_names, file);
    const std::size_t n_rows = file.row_names.size();
    if (n_rows != data.cells.n_cols) {
        reader.fail(std::to_string(n_rows) + " rows of labels, but " + options.cells + " has " +
                    std::to_string(data.cells.n_cols) + " cells; expected one row per cell, in the same order" +
                    hint(data, about, options.cells, n_rows));
    }
    data.batch = std::move(file.columns[0].labels);
    if (!options.type_column.empty()) data.type = std::move(file.columns[place_of_type].labels);
    about.columns.assign(std::make_move_iterator(file.columns.begin() + first_covariate),
                         std::make_move_iterator(file.columns.end()));
    about.batch_column = options.batch_column;
    about.type_column = options.type_column;
    if (notes != nullptr) notes->insert(notes->end(), file.notes.begin(), file.notes.end());
}

// The columns of the metadata with their numbers of labels, each counted up to a tenth of the cells.
std::vector<std::pair<std::string, std::size_t>> counted_columns(DelimitedReader& reader, std::size_t n_cells) {
    std::vector<std::set<std::string, std::less<>>> labels;
    while (reader.next()) {
        labels.resize(reader.header().size());
        for (std::size_t column = 0; column < labels.size(); ++column) {
            const std::string_view label = without_spaces(reader.row()[column]);
            if (10 * labels[column].size() <= n_cells && !stands_for_missing(label)) labels[column].emplace(label);
        }
    }
    std::vector<std::pair<std::string, std::size_t>> counted;
    for (std::size_t c = 0; c < labels.size(); ++c) counted.emplace_back(reader.header()[c], labels[c].size());
    return counted;
}

// What `again` opens is the metadata once more, which only batches that look wrong need.
void note_better_columns(const Dataset<double>& data, const Options& options, const std::function<ByteSource()>& again,
                         std::vector<std::string>* notes) {
    if (notes == nullptr || !batches_look_wrong(data.batch)) return;
    DelimitedReader reader(options.metadata, again(), true);
    const std::size_t n_cells = data.batch.code.size();
    const std::string note = better_columns(options.metadata, counted_columns(reader, n_cells), n_cells);
    if (!note.empty()) notes->push_back(note);
}

Dataset<double> read(DelimitedReader& cells, DelimitedReader& metadata, const Options& options,
                     std::vector<std::string>* notes) {
    Dataset<double> data;
    const auto about = std::make_shared<Annotations>();
    data.cells = read_cells(cells, options.row_names, options.scale, about->cell_names);
    const std::ptrdiff_t names_column = options.row_names ? 1 : 0;
    about->feature_names.assign(cells.header().begin() + names_column, cells.header().end());
    read_labels(metadata, options, data, *about, notes);
    data.about = about;
    return data;
}

}  // namespace

void validate(const Options& options) {
    require(!options.cells.empty(), "cells: the name of a file is missing");
    require(!options.metadata.empty(), "metadata: the name of a file is missing");
    require(!options.batch_column.empty(), "batch_column: the name of a column is missing");
    require(options.match_cells == "name" || options.match_cells == "order", "match_cells: expected name or order");
    const std::string& types = options.missing_types;
    require(types == "error" || types == "drop" || types == "keep", "missing_types: expected error, drop or keep");
    require(std::isfinite(options.scale) && options.scale > 0.0, "scale: expected a finite number > 0");
}

void require_columns(const Options& options) {
    const DelimitedReader metadata(options.metadata, open_bytes(options.metadata), options.row_names);
    column_called(metadata, options.batch_column);
    if (!options.type_column.empty()) column_called(metadata, options.type_column);
    for (const std::string& name : options.covariates) column_called(metadata, name);
}

Dataset<double> load(const Options& options, std::vector<std::string>* notes) {
    validate(options);
    DelimitedReader cells(options.cells, open_bytes(options.cells), options.row_names);
    DelimitedReader metadata(options.metadata, open_bytes(options.metadata), options.row_names);
    Dataset<double> data = read(cells, metadata, options, notes);
    note_better_columns(
        data, options, [&] { return open_bytes(options.metadata); }, notes);
    if (options.missing_types == "drop") drop_unlabelled(data, nullptr, notes);
    return data;
}

Dataset<double> labelled(Matrix<double> cells, std::vector<std::string> cell_names, const Options& options,
                         std::vector<std::string>* notes) {
    validate(options);
    DelimitedReader metadata(options.metadata, open_bytes(options.metadata), !cell_names.empty());
    Dataset<double> data;
    data.cells = std::move(cells);
    const auto about = std::make_shared<Annotations>();
    about->cell_names = std::move(cell_names);
    read_labels(metadata, options, data, *about, notes);
    data.about = about;
    note_better_columns(
        data, options, [&] { return open_bytes(options.metadata); }, notes);
    return data;
}

Cells load_cells(const std::string& file) {
    DelimitedReader look(file, open_bytes(file), true);
    const bool row_names = look.next() && names_cells(look.header().front(), look.row().front());
    DelimitedReader reader(file, open_bytes(file), row_names);
    Cells cells;
    cells.values = read_cells(reader, row_names, 1.0, cells.names);
    cells.feature_names.assign(reader.header().begin() + (row_names ? 1 : 0), reader.header().end());
    return cells;
}

LabelFile load_labels(const std::string& file, const std::vector<std::string>& columns, const std::string& incomplete) {
    DelimitedReader reader(file, open_bytes(file), true);
    const auto place = std::find(columns.begin(), columns.end(), incomplete);
    return read_columns(reader, columns,
                        place == columns.end() ? none_incomplete : static_cast<std::size_t>(place - columns.begin()));
}

std::vector<std::string> column_titles(const std::string& file) {
    return DelimitedReader(file, open_bytes(file), true).header();
}

Dataset<double> parse(std::string_view cells, std::string_view metadata, const Options& options,
                      std::vector<std::string>* notes) {
    validate(options);
    DelimitedReader cells_reader(options.cells, bytes_of(cells), options.row_names);
    DelimitedReader metadata_reader(options.metadata, bytes_of(metadata), options.row_names);
    Dataset<double> data = read(cells_reader, metadata_reader, options, notes);
    note_better_columns(
        data, options, [&] { return bytes_of(metadata); }, notes);
    if (options.missing_types == "drop") drop_unlabelled(data, nullptr, notes);
    return data;
}

}  // namespace bcbench::table
