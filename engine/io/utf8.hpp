// Whether bytes are UTF-8 text.
#pragma once

#include <cstddef>
#include <string_view>

namespace bcbench {

/// Bytes of the UTF-8 character that `text` begins with; 0 if it begins with none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace bcbench
