#include "engine/datasets/table_columns.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/names.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench::table {

namespace {

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

}  // namespace

std::string_view without_spaces(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool looks_like_number(std::string_view field) {
    field = without_spaces(field);
    if (!field.empty() && field.front() == '+') field.remove_prefix(1);
    double value = 0.0;
    const char* end = field.data() + field.size();
    const auto read = std::from_chars(field.data(), end, value);
    return read.ec != std::errc::invalid_argument && read.ptr == end;
}

bool names_cells(const std::string& title, std::string_view field) {
    for (const char* name : {"", "cell", "cell_id", "barcode", "index", "Unnamed: 0"}) {
        if (title == name) return true;
    }
    return !looks_like_number(field);
}

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

bool stands_for_missing(std::string_view label) {
    return label.empty() || label == "NA" || label == "NaN" || label == "nan";
}

LabelFile read_columns(DelimitedReader& reader, const std::vector<std::string>& names, std::size_t incomplete) {
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

}  // namespace bcbench::table
