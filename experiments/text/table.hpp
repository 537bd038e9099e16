// Tables in plain text (the first column flush left, the others flush right) and in Markdown.
#pragma once

#include <string>
#include <vector>

namespace bcbench {

using TextRow = std::vector<std::string>;

/// `header`, a rule and `rows`, each on one line (one_line) and indented by two spaces. Rows may be shorter than the
/// header.
std::string text_table(const TextRow& header, const std::vector<TextRow>& rows);

/// The same as a Markdown table. If `brief`, for a comment on a pull request, which holds 65,536 characters: at most 30
/// rows and about 12,000 bytes, long cells cut, and how many rows are left out.
std::string markdown_table(const TextRow& header, const std::vector<TextRow>& rows, bool brief);

/// `text` on one line and harmless to a terminal: line breaks become spaces, other control characters and what is no
/// UTF-8 are escaped.
std::string one_line(const std::string& text);

/// `text` with its middle left out if it is longer than `bytes`: what tells names apart often stands at their end.
std::string without_middle(const std::string& text, std::size_t bytes);

/// `text` on one line, with everything escaped that Markdown or HTML would take for markup.
std::string markdown_cell(const std::string& text);

/// Columns that `text` takes on a terminal: its UTF-8 characters.
std::size_t display_width(const std::string& text);

}  // namespace bcbench
