#include "experiments/text/canonical.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace bcbench {

void append_number(std::string& text, double value) {
    if (value == 0) return text.push_back('0');  // also for -0
    const double magnitude = std::abs(value);
    const bool plain = magnitude >= 1e-5 && magnitude < 1e16;
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   plain ? std::chars_format::fixed : std::chars_format::scientific);
    text.append(buffer.data(), end.ptr);
}

std::string number_text(double value) {
    std::string text;
    append_number(text, value);
    return text;
}

std::string canonical_json(const nlohmann::json& value) {
    std::string text;
    if (value.is_object()) {
        for (const auto& [key, element] : value.items())
            text += (text.empty() ? "" : ",") + nlohmann::json(key).dump() + ":" + canonical_json(element);
        return "{" + text + "}";
    }
    if (value.is_array()) {
        for (const nlohmann::json& element : value) text += (text.empty() ? "" : ",") + canonical_json(element);
        return "[" + text + "]";
    }
    return value.is_number_float() ? number_text(value.get<double>()) : value.dump();
}

std::string join(const nlohmann::ordered_json& list, const char* separator) {
    std::string text;
    for (const nlohmann::ordered_json& item : list) text += (text.empty() ? "" : separator) + item.dump();
    return text;
}

std::string id_text(const nlohmann::json& value) {
    if (!value.is_string()) return canonical_json(value);
    std::string text;
    for (const char c : value.get_ref<const std::string&>()) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F || std::string_view("%/\\:*?\"<>|").find(c) != std::string_view::npos) {
            const char* const digits = "0123456789ABCDEF";
            text += {'%', digits[byte >> 4], digits[byte & 15]};
        } else {
            text += c;
        }
    }
    return text;
}

std::string shown(const nlohmann::json& value) {
    const std::string text = canonical_json(value);
    if (text.size() <= 60) return text;
    return std::string(utf8_prefix(text, 57)) + "...";
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
    return text.substr(0, bytes);
}

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

std::string hex(std::uint64_t hash) {
    std::string text(16, '0');
    for (std::size_t i = 16; i-- > 0; hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
    return text;
}

}  // namespace bcbench
