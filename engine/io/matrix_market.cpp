#include "engine/io/matrix_market.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench {

namespace {

constexpr std::size_t longest_line = std::size_t{1} << 20;

// The lines of a text, without their ends.
class Lines {
  public:
    Lines(std::string name, ByteSource source) : name_(std::move(name)), source_(std::move(source)) {}

    bool next(std::string_view& line) {
        const std::size_t length = find_end();
        if (length == 0 && begin_ == end_) return false;
        line = std::string_view(buffer_).substr(begin_, length);
        begin_ = std::min(begin_ + length + 1, end_);
        if (line.ends_with('\r')) line.remove_suffix(1);
        ++number_;
        return true;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw DataError(name_ + ":" + std::to_string(std::max<std::size_t>(number_, 1)) + ": " + what);
    }

  private:
    // Bytes from begin_ to the next line's end, or the text's.
    std::size_t find_end() {
        for (std::size_t searched = 0;;) {
            const std::size_t length = end_ - begin_;
            const void* found = std::memchr(buffer_.data() + begin_ + searched, '\n', length - searched);
            if (found != nullptr)
                return static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) - begin_;
            searched = length;
            if (length > longest_line) fail("a line is longer than a megabyte; expected a Matrix Market or TSV file");
            if (!refill()) return length;
        }
    }

    bool refill() {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
        if (buffer_.size() < end_ + block) buffer_.resize(end_ + block);
        const std::size_t count = source_(buffer_.data() + end_, buffer_.size() - end_);
        end_ += count;
        return count > 0;
    }

    static constexpr std::size_t block = std::size_t{1} << 16;
    std::string name_;
    ByteSource source_;
    std::string buffer_ = std::string(block, '\0');
    std::size_t begin_ = 0, end_ = 0;
    std::size_t number_ = 0;
};

// ---- one line ----

std::string_view next_word(std::string_view& line) {
    const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t last = std::min(line.find_first_of(" \t", first), line.size());
    const std::string_view word = line.substr(first, last - first);
    line.remove_prefix(last);
    return word;
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

template <class T>
bool read_whole(std::string_view word, T& value) {
    if (word.size() > 1 && word.front() == '+' && word[1] != '-') word.remove_prefix(1);
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    return !word.empty() && read.ec == std::errc() && read.ptr == word.data() + word.size();
}

struct Header {
    bool pattern = false;
    std::uint64_t n_rows = 0, n_columns = 0, n_entries = 0;
};

bool read_kind(Lines& lines) {
    std::string_view line;
    if (!lines.next(line)) lines.fail("the file is empty; expected a Matrix Market file");
    if (lower(next_word(line)) != "%%matrixmarket") {
        lines.fail("expected a Matrix Market file, which begins with '%%MatrixMarket matrix coordinate'");
    }
    const std::string object = lower(next_word(line)), format = lower(next_word(line)), field = lower(next_word(line)),
                      symmetry = lower(next_word(line));
    if (object != "matrix" || format != "coordinate") {
        lines.fail("is a Matrix Market file of kind " + shown(object + " " + format) +
                   ", expected a sparse one, 'matrix coordinate'");
    }
    if (field != "real" && field != "integer" && field != "pattern") {
        lines.fail("has entries of kind " + shown(field) + ", expected real, integer or pattern");
    }
    if (symmetry != "general") lines.fail("is " + shown(symmetry) + ", expected a 'general' matrix");
    return field == "pattern";
}

Header read_header(Lines& lines) {
    Header header;
    header.pattern = read_kind(lines);
    std::string_view line;
    do {
        if (!lines.next(line)) lines.fail("ends before the line with the size of the matrix");
    } while (line.starts_with('%') || line.find_first_not_of(" \t") == std::string_view::npos);
    const bool read = read_whole(next_word(line), header.n_rows) && read_whole(next_word(line), header.n_columns) &&
                      read_whole(next_word(line), header.n_entries) && next_word(line).empty();
    if (!read) lines.fail("expected three whole numbers: rows, columns, entries");
    constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
    if (header.n_rows > most || header.n_columns > most) lines.fail("has more rows or columns than can be read (2^31)");
    return header;
}

template <class Real>
struct Entry {
    std::uint32_t cell;
    std::uint32_t feature;
    Real value;
};

template <class Real>
Entry<Real> read_entry(const Lines& lines, std::string_view line, const Header& header, CellsAre cells_are) {
    std::uint64_t row = 0, column = 0;
    const bool places = read_whole(next_word(line), row) && read_whole(next_word(line), column);
    double value = 1.0;
    if (!places || (!header.pattern && !read_whole(next_word(line), value)) || !next_word(line).empty()) {
        lines.fail(header.pattern ? "expected a row and a column" : "expected a row, a column and a value");
    }
    if (row < 1 || row > header.n_rows || column < 1 || column > header.n_columns) {
        lines.fail("the entry at row " + std::to_string(row) + ", column " + std::to_string(column) +
                   " lies outside of the matrix (" + std::to_string(header.n_rows) + " x " +
                   std::to_string(header.n_columns) + ", from 1)");
    }
    const auto converted = static_cast<Real>(value);
    if (!std::isfinite(converted)) lines.fail("the value is not finite");
    const auto r = static_cast<std::uint32_t>(row - 1), c = static_cast<std::uint32_t>(column - 1);
    return cells_are == CellsAre::columns ? Entry<Real>{c, r, converted} : Entry<Real>{r, c, converted};
}

// ---- entries into cells ----

// By cell, and within a cell by feature: both by counting, the second only where the file is not in order.
template <class Real>
SparseCells<Real> grouped(const std::vector<Entry<Real>>& entries, std::size_t n_cells, std::size_t n_features,
                          const std::string& name) {
    SparseCells<Real> cells;
    cells.n_features = n_features;
    cells.start.assign(n_cells + 1, 0);
    for (const Entry<Real>& entry : entries) ++cells.start[entry.cell + 1];
    for (std::size_t i = 0; i < n_cells; ++i) cells.start[i + 1] += cells.start[i];
    std::vector<std::uint64_t> next(cells.start.begin(), cells.start.end() - 1);
    std::vector<std::uint64_t> order(entries.size());  // of the entries, by cell
    for (std::size_t e = 0; e < entries.size(); ++e) order[next[entries[e].cell]++] = e;
    cells.feature.reserve(entries.size());
    cells.value.reserve(entries.size());
    for (std::size_t i = 0; i < n_cells; ++i) {
        const auto first = order.begin() + static_cast<std::ptrdiff_t>(cells.start[i]);
        const auto last = order.begin() + static_cast<std::ptrdiff_t>(cells.start[i + 1]);
        const auto by_feature = [&](std::uint64_t a, std::uint64_t b) {
            return entries[a].feature < entries[b].feature;
        };
        if (!std::is_sorted(first, last, by_feature)) std::sort(first, last, by_feature);
        for (auto e = first; e != last; ++e) {
            if (e != first && cells.feature.back() == entries[*e].feature) {
                throw DataError(name + ": there are two entries for cell " + std::to_string(i + 1) + ", feature " +
                                std::to_string(entries[*e].feature + 1) + " (from 1)");
            }
            cells.feature.push_back(entries[*e].feature);
            cells.value.push_back(entries[*e].value);
        }
    }
    return cells;
}

// ---- 10x folders ----

namespace fs = std::filesystem;

// The first of the names that is there, plain or compressed.
std::string file_in(const std::string& folder, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        for (const char* ending : {"", ".gz"}) {
            const fs::path path = fs::path(folder) / (name + ending);
            std::error_code error;
            if (fs::is_regular_file(path, error)) return path.string();
        }
    }
    throw DataError(folder + ": there is no " + names.front() + " or " + names.front() +
                    ".gz; expected a folder with matrix.mtx, barcodes.tsv and features.tsv");
}

// The first columns of a TSV file without header: `columns[j]` has a name for each line.
std::vector<std::vector<std::string>> read_names(const std::string& path, std::size_t n_columns) {
    Lines lines(path, open_bytes(path));
    std::vector<std::vector<std::string>> columns(n_columns);
    for (std::string_view line; lines.next(line);) {
        if (line.empty()) lines.fail("is blank, expected a name");
        if (!is_utf8(line)) lines.fail(shown(line) + " is no UTF-8 text");
        std::string_view first;
        for (std::size_t j = 0; j < n_columns; ++j) {
            const std::size_t length = std::min(line.find('\t'), line.size());
            const std::string_view field = line.substr(0, length);
            if (j == 0) first = field;
            columns[j].emplace_back(field.empty() ? first : field);
            line.remove_prefix(std::min(length + 1, line.size()));
        }
        if (first.empty()) lines.fail("the first column is empty, expected a name");
    }
    return columns;
}

template <class Real>
SparseCells<Real> read_entries(Lines& lines, const Header& header, CellsAre cells_are, const std::string& name) {
    std::vector<Entry<Real>> entries;
    constexpr std::uint64_t most_reserved = 1 << 20;  // what a file claims is not believed further than this
    entries.reserve(std::min(header.n_entries, most_reserved));
    for (std::string_view line; lines.next(line);) {
        if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
        if (entries.size() == header.n_entries) {
            lines.fail("there are more than the " + std::to_string(header.n_entries) +
                       " entries that the file announces");
        }
        entries.push_back(read_entry<Real>(lines, line, header, cells_are));
    }
    if (entries.size() < header.n_entries) {
        lines.fail("the file ends after " + std::to_string(entries.size()) + " of " + std::to_string(header.n_entries) +
                   " entries; it is truncated");
    }
    const bool columns = cells_are == CellsAre::columns;
    return grouped(entries, columns ? header.n_columns : header.n_rows, columns ? header.n_rows : header.n_columns,
                   name);
}

}  // namespace

template <class Real>
SparseCells<Real> read_matrix_market(const std::string& name, ByteSource source, CellsAre cells_are) {
    Lines lines(name, std::move(source));
    const Header header = read_header(lines);
    return read_entries<Real>(lines, header, cells_are, name);
}

template <class Real>
SparseCells<Real> read_matrix_market(const std::string& path, CellsAre cells_are) {
    return read_matrix_market<Real>(path, open_bytes(path), cells_are);
}

template <class Real>
TenX<Real> read_10x(const std::string& folder) {
    const std::string matrix = file_in(folder, {"matrix.mtx"}), barcodes = file_in(folder, {"barcodes.tsv"}),
                      features = file_in(folder, {"features.tsv", "genes.tsv"});
    TenX<Real> read;
    read.cell_names = std::move(read_names(barcodes, 1)[0]);
    auto names = read_names(features, 2);
    read.feature_ids = std::move(names[0]);
    read.feature_names = std::move(names[1]);
    const std::size_t n_cells = read.cell_names.size(), n_features = read.feature_ids.size();

    Lines lines(matrix, open_bytes(matrix));
    const Header header = read_header(lines);
    const bool as_usual = header.n_rows == n_features && header.n_columns == n_cells;
    if (!as_usual && !(header.n_rows == n_cells && header.n_columns == n_features)) {
        lines.fail("the matrix is " + std::to_string(header.n_rows) + " x " + std::to_string(header.n_columns) +
                   ", but " + features + " has " + std::to_string(n_features) + " lines and " + barcodes + " has " +
                   std::to_string(n_cells));
    }
    read.counts = read_entries<Real>(lines, header, as_usual ? CellsAre::columns : CellsAre::rows, matrix);
    return read;
}

template SparseCells<float> read_matrix_market(const std::string&, ByteSource, CellsAre);
template SparseCells<double> read_matrix_market(const std::string&, ByteSource, CellsAre);
template SparseCells<float> read_matrix_market(const std::string&, CellsAre);
template SparseCells<double> read_matrix_market(const std::string&, CellsAre);
template TenX<float> read_10x(const std::string&);
template TenX<double> read_10x(const std::string&);

}  // namespace bcbench
