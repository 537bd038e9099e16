// Strict JSON: everything a config must not silently accept is refused with its line and column.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bcbench {

/// JSON whose objects keep the order of their keys: sweeps run in the order they are written.
using OrderedJson = nlohmann::ordered_json;

/// Parses a whole JSON text. A UTF-8 byte order mark is accepted. Refused besides syntax errors: keys given
/// twice, invalid UTF-8, NUL characters, nesting deeper than 64, numbers longer than 400 characters or too
/// large for a double, text after the value, and more than 16 MB. `file` names the text in messages. Throws
/// ConfigError: `file:line:column: what`.
OrderedJson parse_json(std::string_view text, const std::string& file);

/// Reads and parses a file, as above. Throws ConfigError if it cannot be read.
OrderedJson read_json(const std::filesystem::path& file);

}  // namespace bcbench
