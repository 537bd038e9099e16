// Tables in plain text (the first column flush left, the others flush right) and in Markdown.
#pragma once

#include <string>
#include <vector>

namespace bcbench {

using TextRow = std::vector<std::string>;

/// `header`, a rule and `rows`, each line indented by two spaces. Rows may be shorter than the header.
std::string text_table(const TextRow& header, const std::vector<TextRow>& rows);

/// The same as a Markdown table.
std::string markdown_table(const TextRow& header, const std::vector<TextRow>& rows);

/// `text` with everything escaped that Markdown or HTML would take for markup; line breaks become spaces.
std::string markdown_cell(const std::string& text);

/// Columns that `text` takes on a terminal: its UTF-8 characters.
std::size_t display_width(const std::string& text);

}  // namespace bcbench
