#include "experiments/text/json_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "experiments/text/fault.hpp"

namespace bcbench {
namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_number_length = 400;
constexpr int out_of_range_id = 406;  // of nlohmann's error for a number that no double holds

// Tells how far the parser has read, which its events do not.
struct TrackedIterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    const char* current = nullptr;
    const char** read_to = nullptr;

    reference operator*() const { return *current; }
    TrackedIterator& operator++() {
        *read_to = ++current;
        return *this;
    }
    TrackedIterator operator++(int) {
        TrackedIterator before = *this;
        ++*this;
        return before;
    }
    bool operator==(const TrackedIterator& other) const { return current == other.current; }
    bool operator!=(const TrackedIterator& other) const { return current != other.current; }
};

std::string shortened(const std::string& text) {
    return OrderedJson(text.size() <= 60 ? text : text.substr(0, 57) + "...")
        .dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// nlohmann's message without its own id, position and copy of the input.
std::string plain_message(const nlohmann::detail::exception& error) {
    std::string message = error.what();
    const std::size_t place = message.find("column ");
    const std::size_t colon = place == std::string::npos ? place : message.find(": ", place);
    if (colon != std::string::npos) message.erase(0, colon + 2);
    return message.substr(0, message.find("; last read: "));
}

// Builds the value from the parser's events; the names and signatures are those nlohmann::json_sax asks for.
class Builder {
  public:
    Builder(std::string_view text, const char* const* read_to) : text_(text), read_to_(read_to) {}

    bool null() { return place(nullptr); }
    bool boolean(bool value) { return place(value); }
    bool number_integer(OrderedJson::number_integer_t value) { return place(value); }
    bool number_unsigned(OrderedJson::number_unsigned_t value) { return place(value); }
    bool number_float(double value, const std::string& token) {
        return token.size() > max_number_length ? refuse_number(token) : place(value);
    }
    bool string(std::string& value) {
        if (value.find('\0') != std::string::npos) return refuse(string_start(), "the text holds a NUL character");
        return place(std::move(value));
    }
    bool binary(OrderedJson::binary_t&) { return false; }  // does not occur in text

    bool start_object(std::size_t) { return open(OrderedJson::object()); }
    bool key(std::string& name) {
        if (name.find('\0') != std::string::npos) return refuse(string_start(), "the key holds a NUL character");
        if (!keys_.back().insert(name).second)
            return refuse(string_start(), "the key " + shortened(name) + " stands twice in this object");
        key_ = std::move(name);
        return true;
    }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(OrderedJson::array()); }
    bool end_array() { return close(); }

    bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) {
        if (error.id == out_of_range_id) return refuse_number(token);
        return refuse(position == 0 ? 0 : position - 1, plain_message(error));
    }

    OrderedJson take() { return std::move(root_); }
    std::size_t fault_offset() const { return std::min(fault_offset_, text_.size()); }
    const std::string& fault() const { return fault_; }

  private:
    std::size_t offset() const { return static_cast<std::size_t>(*read_to_ - text_.data()); }

    // Offset of the opening quote of the string just read: the last quote no backslash escapes.
    std::size_t string_start() const {
        std::size_t at = offset() - 1;
        while (at > 0) {
            if (text_[--at] != '"') continue;
            std::size_t backslashes = 0;
            while (backslashes < at && text_[at - 1 - backslashes] == '\\') ++backslashes;
            if (backslashes % 2 == 0) break;
        }
        return at;
    }

    OrderedJson* add(OrderedJson value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (open_.back()->is_array()) {
            open_.back()->push_back(std::move(value));
            return &open_.back()->back();
        }
        // Appended to the underlying vector: the key is known to be new, a look-up would be linear.
        auto& object = open_.back()->get_ref<OrderedJson::object_t&>();
        static_cast<OrderedJson::object_t::Container&>(object).emplace_back(std::move(key_), std::move(value));
        return &object.back().second;
    }
    bool place(OrderedJson value) {
        add(std::move(value));
        return true;
    }
    bool open(OrderedJson value) {
        if (open_.size() == max_depth)
            return refuse(offset() - 1, "nested deeper than " + std::to_string(max_depth) + " levels");
        open_.push_back(add(std::move(value)));
        keys_.emplace_back();
        return true;
    }
    bool close() {
        open_.pop_back();
        keys_.pop_back();
        return true;
    }
    bool refuse_number(const std::string& token) {
        const std::size_t start = text_.rfind(token, offset());
        if (token.size() <= max_number_length) return refuse(start, "the number is too large for a double");
        return refuse(start, "the number has " + std::to_string(token.size()) + " characters, allowed are " +
                                 std::to_string(max_number_length));
    }
    bool refuse(std::size_t at, std::string message) {
        fault_offset_ = at;
        fault_ = std::move(message);
        return false;
    }

    std::string_view text_;
    const char* const* read_to_;
    OrderedJson root_;
    std::vector<OrderedJson*> open_;           // the objects and lists around the current value
    std::vector<std::set<std::string>> keys_;  // the keys seen in each of them
    std::string key_;
    std::size_t fault_offset_ = 0;
    std::string fault_;
};

// "file:line:column", both from 1, columns in characters.
std::string location(const std::string& file, std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const std::string_view row = before.substr(line_start);
    const auto column = 1 + std::count_if(row.begin(), row.end(), [](char c) { return (c & 0xC0) != 0x80; });
    return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

[[noreturn]] void refuse_file(const std::string& file, const std::string& message) {
    throw ConfigError(file, {{"", message}});
}

}  // namespace

OrderedJson parse_json(std::string_view text, const std::string& file, std::size_t most_bytes) {
    if (text.size() > most_bytes) refuse_file(file, "larger than " + std::to_string(most_bytes >> 20) + " MB");
    if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
    // The lexer takes a NUL byte for the end of the input and would not see what follows it.
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos) refuse_file(location(file, text, nul), "a NUL byte; is this a text file?");

    const char* read_to = text.data();
    Builder builder(text, &read_to);
    const TrackedIterator first{text.data(), &read_to};
    const TrackedIterator last{text.data() + text.size(), &read_to};
    if (!OrderedJson::sax_parse(first, last, &builder))
        refuse_file(location(file, text, builder.fault_offset()), builder.fault());
    return builder.take();
}

bool is_nested_too_deep(std::string_view text) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

OrderedJson read_json(const std::filesystem::path& file) {
    const std::string name = file.string();
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored)) refuse_file(name, "is a directory, must be a JSON file");
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) refuse_file(name, std::string("cannot be opened: ") + std::strerror(errno == 0 ? ENOENT : errno));
    std::string text;
    char block[1 << 16];
    while (text.size() <= most_config_bytes && stream) {
        stream.read(block, sizeof block);
        text.append(block, static_cast<std::size_t>(stream.gcount()));
    }
    if (stream.bad()) refuse_file(name, "cannot be read");
    return parse_json(text, name);
}

}  // namespace bcbench
