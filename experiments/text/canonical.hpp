// Canonical text of values: the same value is always written the same way, in ids, result files and messages.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bcbench {

/// The shortest decimal text that reads back to the same double; 1.0 gives "1", 1e-7 gives "1e-07".
/// Written without an exponent for magnitudes from 1e-5 to below 1e16. `value` must be finite.
std::string number_text(double value);
void append_number(std::string& text, double value);

/// JSON without spaces, keys sorted, numbers as number_text: equal values give equal bytes.
std::string canonical_json(const nlohmann::json& value);

/// The elements of a list as JSON, `separator` between them.
std::string join(const nlohmann::ordered_json& list, const char* separator);

/// The value as a part of a point id and hence of a file name: texts without quotes, with control characters
/// and each of % / \ : * ? " < > | percent-encoded; other values as canonical JSON.
std::string id_text(const nlohmann::json& value);

/// Canonical JSON cut to at most 60 bytes, for messages.
std::string shown(const nlohmann::json& value);

/// The longest beginning of `text` of at most `bytes` bytes that does not cut a UTF-8 character.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes);

/// 64-bit FNV-1a hash; the same everywhere and for ever, unlike std::hash. `hash` continues an earlier one.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325ULL);

/// The hash as 16 hexadecimal digits.
std::string hex(std::uint64_t hash);

}  // namespace bcbench
