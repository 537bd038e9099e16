#include "engine/datasets/table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/names.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/datasets/label_notes.hpp"
#include "engine/datasets/typed_cells.hpp"
#include "engine/io/csv.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench::table {

namespace {

// ---- cells ----

std::string_view without_spaces(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

[[noreturn]] void fail_number(const DelimitedReader& reader, std::size_t column, std::errc error, double value) {
    const std::string_view field = without_spaces(reader.row()[column]);
    if (field.empty()) reader.fail_at(column, "is empty, expected a number");
    const std::string holds = "holds " + shown(field) + ", ";
    if (error == std::errc::result_out_of_range) reader.fail_at(column, holds + "beyond the range of a double");
    if (!std::isfinite(value)) reader.fail_at(column, holds + "expected a finite number");
    const bool comma = field.find_first_not_of("+-.,0123456789eE") == std::string_view::npos &&
                       field.find(',') != std::string_view::npos;
    if (comma) reader.fail_at(column, holds + "not a number (decimals take a point)");
    if (column == 0) reader.fail_at(0, holds + "not a number; set row_names: true if it names the cells");
    reader.fail_at(column, holds + "not a number");
}

double number_at(const DelimitedReader& reader, std::size_t column) {
    std::string_view field = without_spaces(reader.row()[column]);
    if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
    double value = 0.0;
    const char* end = field.data() + field.size();
    const auto read = std::from_chars(field.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || !std::isfinite(value)) {
        fail_number(reader, column, read.ec, read.ptr == end ? value : 0.0);
    }
    return value;
}

// Values of an unknown number of cells, in blocks: a single vector would move, and be held twice.
class Values {
  public:
    void append(double value) {
        if (blocks_.empty() || blocks_.back().size() == block_size) {
            blocks_.emplace_back();
            blocks_.back().reserve(block_size);
        }
        blocks_.back().push_back(value);
    }
    std::size_t size() const { return blocks_.empty() ? 0 : (blocks_.size() - 1) * block_size + blocks_.back().size(); }

    /// All values as a matrix with `n_columns` columns; each block is given back as soon as it is copied.
    Matrix<double> take(std::size_t n_columns) {
        Matrix<double> matrix(size() / n_columns, n_columns, arma::fill::none);
        double* to = matrix.memptr();
        for (std::vector<double>& block : blocks_) {
            to = std::copy(block.begin(), block.end(), to);
            block = {};
        }
        blocks_.clear();
        return matrix;
    }

  private:
    static constexpr std::size_t block_size = std::size_t{1} << 16;
    std::vector<std::vector<double>> blocks_;
};

bool looks_like_number(std::string_view field) {
    field = without_spaces(field);
    if (!field.empty() && field.front() == '+') field.remove_prefix(1);
    double value = 0.0;
    const char* end = field.data() + field.size();
    const auto read = std::from_chars(field.data(), end, value);
    return read.ec != std::errc::invalid_argument && read.ptr == end;
}

// Whether the first column of a file names its cells, by its title and its first field.
bool names_cells(const std::string& title, std::string_view field) {
    for (const char* name : {"", "cell", "cell_id", "barcode", "index", "Unnamed: 0"}) {
        if (title == name) return true;
    }
    return !looks_like_number(field);
}

// `names` receives the names of the cells, if they have any.
Matrix<double> read_cells(DelimitedReader& reader, bool row_names, double scale, std::vector<std::string>& names) {
    const std::size_t first = row_names ? 1 : 0;  // column of the first feature
    Values values;                                // [F x n], cell after cell
    std::size_t n_cells = 0;
    while (reader.next()) {
        const std::size_t n_columns = reader.header().size();
        for (std::size_t column = first; column < n_columns; ++column) {
            const double value = scale * number_at(reader, column);
            if (!std::isfinite(value)) reader.fail_at(column, "overflows when multiplied by scale");
            values.append(value);
        }
        if (row_names) names.emplace_back(reader.row().front());
        ++n_cells;
    }
    if (n_cells == 0) reader.fail("there are no cells below the header row");
    if (values.size() == 0) reader.fail("there are no features beside the names of the cells");
    return values.take(n_cells);
}

// ---- labels ----

[[noreturn]] void fail_unknown_column(const DelimitedReader& reader, const std::string& name) {
    constexpr std::size_t most_listed = 20;
    const auto& header = reader.header();
    std::string listed;
    for (std::size_t i = 0; i < std::min(header.size(), most_listed); ++i) listed += (i ? ", " : "") + shown(header[i]);
    if (header.size() > most_listed) listed += ", ...";
    const auto nearest = nearest_name(name, header);
    reader.fail("there is no column " + shown(name) + (nearest ? " (did you mean " + shown(*nearest) + "?)" : "") +
                "; the columns are " + listed);
}

std::size_t column_called(const DelimitedReader& reader, const std::string& name) {
    const auto& header = reader.header();
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) fail_unknown_column(reader, name);
    const auto column = static_cast<std::size_t>(found - header.begin());
    if (std::find(found + 1, header.end(), name) != header.end()) {
        reader.fail_at(column, "is ambiguous, several columns have this name");
    }
    return column;
}

// Numbers the labels of a column in order of their first appearance, and counts how they are spelt.
class LabelNumbers {
  public:
    void append(std::string_view name, bool has_spaces, Labels& labels) {
        auto known = numbers_.find(name);
        if (known == numbers_.end()) {
            known = numbers_.emplace(name, static_cast<std::uint32_t>(labels.names.size())).first;
            labels.names.emplace_back(name);
            spellings_.emplace_back();
        }
        labels.code.push_back(known->second);
        Spellings& spellings = spellings_[known->second];
        ++(has_spaces ? spellings.with_spaces : spellings.plain);
    }

    // A sentence for each label that merges two spellings.
    void note_merged(const std::string& column, std::vector<std::string>& notes) const {
        for (const auto& [name, number] : numbers_) {
            const Spellings& spellings = spellings_[number];
            if (spellings.with_spaces == 0 || spellings.plain == 0) continue;
            notes.push_back("column " + shown(column) + ": label " + shown(name) + " merges " +
                            std::to_string(spellings.plain) + " cells that have it as it stands and " +
                            std::to_string(spellings.with_spaces) + " with spaces around it");
        }
    }

  private:
    struct Spellings {
        std::size_t plain = 0;
        std::size_t with_spaces = 0;
    };
    std::map<std::string, std::uint32_t, std::less<>> numbers_;
    std::vector<Spellings> spellings_;  // by number
};

// What R and pandas write for a label that is not there; as a batch of its own it would be corrected.
bool stands_for_missing(std::string_view label) {
    return label.empty() || label == "NA" || label == "NaN" || label == "nan";
}

std::string_view label_at(const DelimitedReader& reader, std::size_t column, bool may_be_missing) {
    const std::string_view label = without_spaces(reader.row()[column]);
    if (stands_for_missing(label)) {
        if (may_be_missing) return unlabelled_name;
        reader.fail_at(column, label.empty() ? "is empty, expected a label"
                                             : "is missing (" + std::string(label) + "), expected a label");
    }
    if (!is_utf8(label))
        reader.fail_at(column,
                       shown(label) + " is no UTF-8 text (a Latin-1 file? iconv -f latin1 -t utf8 converts it)");
    return label;
}

constexpr std::size_t none_incomplete = ~std::size_t{0};

// Labels may be missing in the column names[incomplete].
LabelFile read_columns(DelimitedReader& reader, const std::vector<std::string>& names,
                       std::size_t incomplete = none_incomplete) {
    // The columns are looked up before the first row, to name them even in a file without rows. An untitled
    // first column joins the header with that row and moves them by one.
    const std::size_t titled = reader.header().size();
    LabelFile file;
    std::vector<std::size_t> places;
    for (const std::string& name : names) {
        places.push_back(column_called(reader, name));
        file.columns.push_back({name, {}});
    }
    std::vector<LabelNumbers> numbers(names.size());
    bool first_row = true;
    while (reader.next()) {
        if (std::exchange(first_row, false) && reader.header().size() > titled) {
            for (std::size_t& place : places) ++place;
        }
        file.row_names.emplace_back(reader.row().front());
        for (std::size_t c = 0; c < places.size(); ++c) {
            const std::string_view label = label_at(reader, places[c], c == incomplete);
            const bool has_spaces = label.size() < reader.row()[places[c]].size() && label != unlabelled_name;
            numbers[c].append(label, has_spaces, file.columns[c].labels);
        }
    }
    for (std::size_t c = 0; c < names.size(); ++c) numbers[c].note_merged(names[c], file.notes);
    return file;
}

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
