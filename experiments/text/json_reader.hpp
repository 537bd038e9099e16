// Strict JSON: everything a config must not silently accept is refused with its line and column.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bcbench {

/// JSON whose objects keep the order of their keys: sweeps run in the order they are written.
using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t most_config_bytes = 16U << 20;
constexpr std::size_t most_result_bytes = 512U << 20;  // of a manifest, or of a point: projections are long

/// Parses a whole JSON text. A UTF-8 byte order mark is accepted. Refused besides syntax errors: keys given
/// twice, invalid UTF-8, NUL characters, nesting deeper than 64, numbers longer than 400 characters or too
/// large for a double, text after the value, and more than `most_bytes`. `file` names the text in messages.
/// Throws ConfigError: `file:line:column: what`.
OrderedJson parse_json(std::string_view text, const std::string& file, std::size_t most_bytes = most_config_bytes);

/// Whether lists and objects stand in each other deeper than parse_json accepts: copying such a value would
/// overflow the stack. For texts that something else parses; whether it is JSON at all does not matter.
bool is_nested_too_deep(std::string_view text);

/// Reads and parses a file, as above. Throws ConfigError if it cannot be read.
OrderedJson read_json(const std::filesystem::path& file);

}  // namespace bcbench
