#include "engine/io/csv.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/checkpoint.hpp"
#include "engine/io/utf8.hpp"

namespace bcbench {

namespace {

constexpr std::size_t block_size = std::size_t{1} << 16;    // first size of the buffer, and of zlib's
constexpr std::size_t longest_read = std::size_t{1} << 24;  // gzread counts in int

bool holds(const char* first, const char* last, char byte) {
    return first != last && std::memchr(first, byte, static_cast<std::size_t>(last - first)) != nullptr;
}

using std::string_view_literals::operator""sv;

struct OtherKind {
    std::string_view first_bytes;
    const char* what;
};

// What people give for a table by mistake, by the bytes no table begins with.
constexpr OtherKind other_kinds[] = {
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file; the dataset h5ad reads those of AnnData (.h5ad)"},
    {"PK\x03\x04"sv, "a zip archive (.npz, .xlsx, .zip)"},
    {"\x93NUMPY"sv, "a NumPy array (.npy); the dataset matrix reads those"},
    {"PAR1\x15"sv, "a Parquet file"},
    {"ARROW1\0"sv, "an Arrow file (Feather)"},
    {"FEA1\0"sv, "a Feather file"},
    {"%%MatrixMarket"sv, "a Matrix Market file (.mtx); the dataset matrix reads those"},
    {"%PDF-"sv, "a PDF file"},
    {"SQLite format 3\0"sv, "an SQLite database"},
    {"BZh91AY&SY"sv, "a bzip2 file; bunzip2 unpacks it"},
    {"\xfd\x37zXZ"sv, "an xz file; unxz unpacks it"},
    {"\x28\xb5\x2f\xfd"sv, "a zstd file; unzstd unpacks it"},
    {"RDX2\nX\n"sv, "an R workspace (.RData)"},
    {"RDX3\nX\n"sv, "an R workspace (.RData)"},
    {"X\n\0\0\0"sv, "an R object (.rds)"},
};

}  // namespace

std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text.substr(at));
        const auto byte = static_cast<unsigned char>(text[at]);
        const bool is_c1 = byte == 0xc2 && length == 2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
        if (length > 0 && byte >= 0x20 && byte != 0x7f && !is_c1) {
            result += text.substr(at, length);
            at += length;
        } else {
            result += "\\x";
            result += digits[byte >> 4];
            result += digits[byte & 15];
            ++at;
        }
    }
    return result;
}

std::string shown(std::string_view text) {
    constexpr std::size_t longest = 40;
    std::size_t end = 0;
    while (end < text.size()) {
        const std::size_t length = std::max<std::size_t>(utf8_length(text.substr(end)), 1);
        if (end + length > longest) break;
        end += length;
    }
    return "'" + escaped(text.substr(0, end)) + (end < text.size() ? "...'" : "'");
}

DelimitedReader::DelimitedReader(std::string name, ByteSource source, bool row_names)
    : name_(std::move(name)), source_(std::move(source)), row_names_(row_names), buffer_(block_size) {
    read_header();
}

void DelimitedReader::fail(const std::string& what) const {
    throw DataError(name_ + ":" + std::to_string(line_) + ": " + what);
}

void DelimitedReader::fail_at(std::size_t column, const std::string& what) const {
    const bool titled = column < header_.size() && !header_[column].empty();
    fail("column " + std::to_string(column + 1) + (titled ? " (" + shown(header_[column]) + ")" : "") + ": " + what);
}

// Looks at the first bytes, which the header begins with.
void DelimitedReader::require_text() {
    refill();
    const std::string_view start(buffer_.data(), end_);
    for (const OtherKind& kind : other_kinds) {
        if (start.starts_with(kind.first_bytes))
            throw DataError(name_ + ": is " + kind.what + ", not a table; expected CSV or TSV text");
    }
}

void DelimitedReader::read_header() {
    require_text();
    if (!next_record()) fail("the file is empty; expected a header row");
    const std::string_view mark = "\xef\xbb\xbf";  // UTF-8 byte order mark
    if (std::string_view(record_, static_cast<std::size_t>(record_end_ - record_)).starts_with(mark)) {
        record_ += mark.size();
    }
    if (record_ == record_end_) fail("the line is blank; expected a header row");
    separator_ = holds(record_, record_end_, '\t') ? '\t' : ',';
    require_separator();
    split_record();
    header_.assign(fields_.begin(), fields_.end());
}

// Excel and R's write.csv2 write semicolons where the decimal sign is a comma, R's write.table spaces around quoted
// names.
void DelimitedReader::require_separator() const {
    if (separator_ == '\t' || holds(record_, record_end_, ',')) return;
    const std::string_view line(record_, static_cast<std::size_t>(record_end_ - record_));
    const bool spaces = line.find("\" \"") != std::string_view::npos;
    if (spaces || line.find(';') != std::string_view::npos) {
        fail(std::string("the fields are separated by ") + (spaces ? "spaces" : "semicolons") +
             "; expected commas or tabs (and decimal points)");
    }
}

bool DelimitedReader::next() {
    std::size_t blank_line = 0;
    while (next_record()) {
        if (record_ == record_end_) {
            if (blank_line == 0) blank_line = line_;
            continue;
        }
        if (blank_line != 0) {
            line_ = blank_line;
            fail("the line is blank, but rows follow it");
        }
        split_record();
        check_width();
        first_row_ = false;
        return true;
    }
    return false;
}

void DelimitedReader::check_width() {
    const bool one_more = first_row_ && fields_.size() == header_.size() + 1;
    if (one_more && row_names_) header_.insert(header_.begin(), std::string());
    if (fields_.size() == header_.size()) return;
    fail("expected " + std::to_string(header_.size()) + " fields as in the header, found " +
         std::to_string(fields_.size()) +
         (one_more ? "; set row_names: true if the first one, which has no title, names the cells" : ""));
}

// A record ends at the first line break that is not inside quotes. Fields hold their quotes in pairs, so a
// line break is outside quotes when the number of quotes before it is even; split_record refuses stray ones.
bool DelimitedReader::next_record() {
    line_ = next_line_;
    std::size_t seen = 0;  // bytes of the record
    bool quoted = false;
    for (;;) {
        const char* from = buffer_.data() + begin_ + seen;
        const std::size_t unseen = end_ - begin_ - seen;
        const void* found = unseen == 0 ? nullptr : std::memchr(from, '\n', unseen);
        const char* stop = found ? static_cast<const char*>(found) : from + unseen;
        if (holds(from, stop, '"') && std::count(from, stop, '"') % 2 != 0) quoted = !quoted;
        seen += static_cast<std::size_t>(stop - from) + (found ? 1 : 0);
        if (seen > longest_row) {
            fail(std::string(quoted ? "a quoted field is not closed within " : "the line is longer than ") +
                 std::to_string(longest_row >> 20) + " MB");
        }
        if (found) ++next_line_;
        if (found && !quoted) break;
        if (!found && !refill()) break;
    }
    if (seen == 0) return false;
    record_ = buffer_.data() + begin_;
    record_end_ = record_ + seen;
    begin_ += seen;
    if (!quoted && record_end_[-1] == '\n') --record_end_;
    if (!quoted && record_end_ != record_ && record_end_[-1] == '\r') --record_end_;
    return true;
}

bool DelimitedReader::refill() {
    checkpoint();
    if (begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
    const std::size_t count = source_(buffer_.data() + end_, buffer_.size() - end_);
    end_ += count;
    return count != 0;
}

void DelimitedReader::split_record() {
    fields_.clear();
    for (char* at = record_;; ++at) {
        at = at != record_end_ && *at == '"' ? take_quoted(at + 1, record_end_) : take_plain(at, record_end_);
        if (at == record_end_) break;
    }
    if (!holds(record_, record_end_, '\0')) return;
    for (std::size_t column = 0; column < fields_.size(); ++column) {
        if (fields_[column].find('\0') == std::string_view::npos) continue;
        fail_at(column, "holds a NUL byte; expected UTF-8 text (a UTF-16 or binary file?)");
    }
}

// Both add one field and return where it ends: at a separator or at `last`.
char* DelimitedReader::take_plain(char* first, char* last) {
    const auto left = static_cast<std::size_t>(last - first);
    void* found = left == 0 ? nullptr : std::memchr(first, separator_, left);
    char* end = found ? static_cast<char*>(found) : last;
    if (holds(first, end, '"')) {
        fail_at(fields_.size(), "has a quote inside; quote the whole field and double the quote");
    }
    fields_.emplace_back(first, static_cast<std::size_t>(end - first));
    return end;
}

char* DelimitedReader::take_quoted(char* first, char* last) {
    char* out = first;  // doubled quotes shrink to one, in place
    for (char* at = first; at != last; ++at) {
        if (*at != '"') {
            *out++ = *at;
        } else if (at + 1 != last && at[1] == '"') {
            *out++ = *at++;
        } else {
            if (at + 1 != last && at[1] != separator_) {
                fail_at(fields_.size(), "has text after its closing quote; a quote inside a field is doubled");
            }
            fields_.emplace_back(first, static_cast<std::size_t>(out - first));
            return at + 1;
        }
    }
    fail_at(fields_.size(), "the quote is never closed");
}

ByteSource bytes_of(std::string_view text) {
    return [rest = text](char* to, std::size_t size) mutable {
        const std::size_t count = rest.copy(to, size);
        rest.remove_prefix(count);
        return count;
    };
}

ByteSource open_bytes(const std::string& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw DataError(path + ": the file does not exist");
    if (std::filesystem::is_directory(status)) throw DataError(path + ": is a directory, not a file");

    const std::shared_ptr<gzFile_s> file(gzopen(path.c_str(), "rb"), [](gzFile open) {
        if (open) gzclose_r(open);
    });
    if (!file) throw DataError(path + ": the file cannot be opened; may it be read?");
    gzbuffer(file.get(), static_cast<unsigned>(block_size));
    if (path.ends_with(".gz") && gzdirect(file.get())) {
        throw DataError(path + ": is called .gz, but is not gzip-compressed");
    }
    return [file, path](char* to, std::size_t size) -> std::size_t {
        const int count = gzread(file.get(), to, static_cast<unsigned>(std::min(size, longest_read)));
        int fault = Z_OK;
        gzerror(file.get(), &fault);
        if (fault == Z_BUF_ERROR) throw DataError(path + ": the gzip file is truncated");
        if (fault == Z_DATA_ERROR) throw DataError(path + ": the gzip file is corrupt");
        if (count < 0) throw DataError(path + ": cannot be read");
        return static_cast<std::size_t>(count);
    };
}

}  // namespace bcbench
