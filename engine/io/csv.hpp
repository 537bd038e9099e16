// Rows of a CSV or TSV text, read in large blocks and split in place.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bcbench {

/// A text in pieces: writes up to `size` (> 0) bytes to `to` and returns how many; 0 at the end of the text.
using ByteSource = std::function<std::size_t(char* to, std::size_t size)>;

/// The bytes of a file, decompressed if it is gzip. Throws DataError, here or while reading, if the file is
/// missing, no regular file, truncated, corrupt, or called .gz without being gzip.
ByteSource open_bytes(const std::string& path);

/// The bytes of a text in memory, which must outlive the source.
ByteSource bytes_of(std::string_view text);

/// Reads the rows below one header row. The first line decides the separator: a tab if it holds one, else a
/// comma. Quotes follow RFC 4180: a quoted field may hold separators, line breaks and doubled quotes. LF or
/// CRLF; a byte order mark, a missing final line break and blank lines at the end are accepted. Everything
/// else that is not a rectangle of fields throws DataError as "name:line: column N ('title'): what"; a row
/// that spans lines has the number of its first one.
class DelimitedReader {
  public:
    /// `name` stands for the text in messages. With `row_names` the header may leave the first column
    /// untitled, as R does: then it has one field less than the rows.
    DelimitedReader(std::string name, ByteSource source, bool row_names);

    /// Moves to the next row; false after the last one.
    bool next();

    /// Titles of the columns. An untitled first column joins them, as "", with the first row.
    const std::vector<std::string>& header() const { return header_; }

    /// The row's fields, one per column, unquoted. Valid until the next call of next().
    const std::vector<std::string_view>& row() const { return fields_; }

    /// Throws DataError at the current line.
    [[noreturn]] void fail(const std::string& what) const;

    /// Throws DataError at the current line and `column`, which counts from 0.
    [[noreturn]] void fail_at(std::size_t column, const std::string& what) const;

    /// A longer row is refused: such a file is no table, and it must not fill the memory.
    static constexpr std::size_t longest_row = std::size_t{64} << 20;

  private:
    void require_text();
    void read_header();
    void require_separator() const;
    bool next_record();
    bool refill();
    void split_record();
    char* take_plain(char* first, char* last);
    char* take_quoted(char* first, char* last);
    void check_width();

    std::string name_;
    ByteSource source_;
    bool row_names_ = false;
    bool first_row_ = true;
    char separator_ = ',';
    std::vector<std::string> header_;

    std::vector<char> buffer_;  // bytes begin_ .. end_-1 are read but not yet used
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    char* record_ = nullptr;  // the current record in buffer_, without its line break
    char* record_end_ = nullptr;
    std::size_t line_ = 1;  // where the current record begins
    std::size_t next_line_ = 1;
    std::vector<std::string_view> fields_;
};

/// `text` with control characters and what is no UTF-8 written as \x1b.
std::string escaped(std::string_view text);

/// `text` escaped and in quotes for a message, cut after at most 40 bytes.
std::string shown(std::string_view text);

}  // namespace bcbench
