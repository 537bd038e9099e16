#include "engine/io/npy.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <iterator>
#include <type_traits>

#include "engine/core/check.hpp"

namespace bcbench::npy {

static_assert(std::endian::native == std::endian::little, "arrays are written as they lie in memory, little-endian");

namespace {

using Values = decltype(Array::values);

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t prefix_size = 10;  // magic, version (2 bytes), length of the header text (2 bytes)
constexpr std::size_t header_alignment = 64;

// Element types in the order of the alternatives of Values.
constexpr std::string_view descriptions[] = {"<f4", "<f8", "<i8"};

// ---- the header: a Python dictionary {'descr': '<f8', 'fortran_order': False, 'shape': (50, 30), } ----

struct Header {
    std::string_view description;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
};

// Reads that dictionary and nothing more general.
class HeaderText {
  public:
    HeaderText(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

    Header read() {
        Header header;
        int descriptions_read = 0, orders_read = 0, shapes_read = 0;
        expect('{');
        while (!accept('}')) {
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr") {
                header.description = quoted();
                ++descriptions_read;
            } else if (key == "fortran_order") {
                header.fortran_order = boolean();
                ++orders_read;
            } else if (key == "shape") {
                header.shape = shape();
                ++shapes_read;
            } else {
                fail("has an unknown key");
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_spaces();
        if (!rest_.empty()) fail("has text after the closing brace");
        if (descriptions_read != 1 || orders_read != 1 || shapes_read != 1) {
            fail("needs descr, fortran_order and shape, each once");
        }
        return header;
    }

  private:
    [[noreturn]] void fail(const std::string& what) const { throw DataError(name_ + ": the .npy header " + what); }

    void skip_spaces() {
        const std::size_t count = rest_.find_first_not_of(" \n");
        rest_.remove_prefix(std::min(count, rest_.size()));
    }

    bool accept(char c) {
        skip_spaces();
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }

    void expect(char c) {
        if (!accept(c)) fail(std::string("is malformed, expected '") + c + "'");
    }

    std::string_view quoted() {
        skip_spaces();
        const char quote = rest_.starts_with('"') ? '"' : '\'';
        expect(quote);
        const std::size_t length = rest_.find(quote);
        if (length == std::string_view::npos) fail("has an unclosed quote");
        const std::string_view word = rest_.substr(0, length);
        rest_.remove_prefix(length + 1);
        return word;
    }

    bool boolean() {
        skip_spaces();
        for (const bool value : {false, true}) {
            const std::string_view word = value ? "True" : "False";
            if (!rest_.starts_with(word)) continue;
            rest_.remove_prefix(word.size());
            return value;
        }
        fail("is malformed, fortran_order is neither True nor False");
    }

    std::vector<std::size_t> shape() {
        std::vector<std::size_t> result;
        expect('(');
        while (!accept(')')) {
            skip_spaces();
            std::size_t extent = 0;
            const auto read = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
            if (read.ec != std::errc()) fail("is malformed, the shape holds no number of elements");
            rest_.remove_prefix(static_cast<std::size_t>(read.ptr - rest_.data()));
            result.push_back(extent);
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return result;
    }

    std::string_view rest_;
    const std::string& name_;
};

std::string header_text(std::string_view description, const std::vector<std::size_t>& shape) {
    std::string text = "{'descr': '" + std::string(description) + "', 'fortran_order': False, 'shape': (";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    text += shape.size() == 1 ? ",), }" : "), }";
    const std::size_t used = (prefix_size + text.size() + 1) % header_alignment;
    text.append((header_alignment - used) % header_alignment, ' ');
    return text + '\n';
}

// ---- values ----

// Elements of `shape`, or `limit` + 1 if there are more than `limit`.
std::size_t element_count(const std::vector<std::size_t>& shape, std::size_t limit) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) {
        if (extent == 0) return 0;
        count = count > limit / extent ? limit + 1 : count * extent;
    }
    return count;
}

template <class T>
std::vector<T> copy_values(std::string_view bytes, const Header& header) {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    if (!header.fortran_order || header.shape.size() != 2 || values.empty()) return values;
    const std::size_t rows = header.shape[0], columns = header.shape[1];
    std::vector<T> by_row(values.size());
    for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t row = 0; row < rows; ++row) by_row[row * columns + column] = values[column * rows + row];
    }
    return by_row;
}

std::size_t value_size(std::string_view description) { return description == "<f4" ? 4 : 8; }

Values decode_values(std::string_view bytes, const Header& header) {
    if (header.description == "<f4") return copy_values<float>(bytes, header);
    if (header.description == "<f8") return copy_values<double>(bytes, header);
    return copy_values<std::int64_t>(bytes, header);
}

// Everything before the values.
std::string start_of_file(std::string_view description, const std::vector<std::size_t>& shape) {
    const std::string header = header_text(description, shape);
    std::string bytes(magic);
    bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
    return bytes + header;
}

}  // namespace

template <class Real>
Array from_matrix(const Matrix<Real>& matrix) {
    return {{matrix.n_cols, matrix.n_rows}, std::vector<Real>(matrix.begin(), matrix.end())};
}

template <class Real>
Array from_list(const Matrix<Real>& matrix) {
    return {{matrix.n_elem}, std::vector<Real>(matrix.begin(), matrix.end())};
}

template <class Real>
void write(const Matrix<Real>& matrix, const std::function<void(std::string_view)>& append) {
    append(start_of_file(descriptions[std::is_same_v<Real, float> ? 0 : 1], {matrix.n_cols, matrix.n_rows}));
    append({reinterpret_cast<const char*>(matrix.memptr()), matrix.n_elem * sizeof(Real)});
}

std::string encode(const Array& array) {
    require(array.shape.size() == 1 || array.shape.size() == 2, "only 1-D and 2-D arrays can be written");
    std::string bytes = start_of_file(descriptions[array.values.index()], array.shape);
    std::visit(
        [&](const auto& values) {
            require(element_count(array.shape, values.size()) == values.size(), "the shape does not fit the values");
            bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
        },
        array.values);
    return bytes;
}

Array decode(std::string_view bytes, const std::string& name) {
    if (!bytes.starts_with(magic)) throw DataError(name + ": is no .npy file (its first bytes are not \\x93NUMPY)");
    if (bytes.size() < prefix_size) throw DataError(name + ": the .npy header is truncated");
    if (bytes[6] != 1 || bytes[7] != 0) {
        throw DataError(name + ": expected .npy format 1.0, found " +
                        std::to_string(static_cast<unsigned char>(bytes[6])) + "." +
                        std::to_string(static_cast<unsigned char>(bytes[7])));
    }
    const std::size_t header_size =
        static_cast<unsigned char>(bytes[8]) + std::size_t{256} * static_cast<unsigned char>(bytes[9]);
    if (bytes.size() - prefix_size < header_size) throw DataError(name + ": the .npy header is truncated");

    Header header = HeaderText(bytes.substr(prefix_size, header_size), name).read();
    if (std::find(std::begin(descriptions), std::end(descriptions), header.description) == std::end(descriptions)) {
        throw DataError(name + ": expected float32, float64 or int64 (little-endian), found '" +
                        std::string(header.description) + "'");
    }
    if (header.shape.empty() || header.shape.size() > 2) {
        throw DataError(name + ": expected a 1-D or 2-D array, found " + std::to_string(header.shape.size()) + "-D");
    }
    const std::string_view body = bytes.substr(prefix_size + header_size);
    const std::size_t size = value_size(header.description);
    const std::size_t count = element_count(header.shape, body.size() / size);
    if (count > body.size() / size) throw DataError(name + ": is truncated, the shape promises more values");
    if (count * size != body.size()) throw DataError(name + ": has bytes after the last value");
    Values values = decode_values(body, header);
    return {std::move(header.shape), std::move(values)};
}

template void write(const Matrix<float>&, const std::function<void(std::string_view)>&);
template void write(const Matrix<double>&, const std::function<void(std::string_view)>&);
template Array from_matrix(const Matrix<float>&);
template Array from_matrix(const Matrix<double>&);
template Array from_list(const Matrix<float>&);
template Array from_list(const Matrix<double>&);

}  // namespace bcbench::npy
