// Plain text tables: the first column flush left, the others flush right.
#pragma once

#include <string>
#include <vector>

namespace bcbench {

using TextRow = std::vector<std::string>;

/// `header`, a rule and `rows`, each line indented by two spaces. Rows may be shorter than the header.
std::string text_table(const TextRow& header, const std::vector<TextRow>& rows);

/// Columns that `text` takes on a terminal: its UTF-8 characters.
std::size_t display_width(const std::string& text);

}  // namespace bcbench
