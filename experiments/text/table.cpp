#include "experiments/text/table.hpp"

#include <algorithm>

#include "engine/io/csv.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

constexpr std::size_t most_brief_rows = 30;
constexpr std::size_t most_brief_bytes = 12'000;
constexpr std::size_t longest_brief_cell = 100;

std::string line_of(const TextRow& row, const std::vector<std::size_t>& widths) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string padding(widths[c] - display_width(row[c]), ' ');
        line += " " + (c == 0 ? row[c] + padding : " " + padding + row[c]);
    }
    while (line.back() == ' ') line.pop_back();
    return line + '\n';
}

TextRow in_one_line_each(TextRow row) {
    for (std::string& cell : row) cell = one_line(cell);
    return row;
}

std::string markdown_row(const TextRow& row, std::size_t longest_cell) {
    std::string line = "|";
    for (const std::string& cell : row) line += " " + markdown_cell(without_middle(cell, longest_cell)) + " |";
    return line + '\n';
}

}  // namespace

std::size_t display_width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string text_table(const TextRow& header, const std::vector<TextRow>& rows) {
    std::vector<std::size_t> widths;
    for (const std::string& title : header) widths.push_back(display_width(title));
    std::vector<TextRow> lines;
    for (const TextRow& row : rows) {
        lines.push_back(in_one_line_each(row));
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(lines.back()[c]));
    }
    TextRow rule;
    for (const std::size_t width : widths) rule.emplace_back(width, '-');
    std::string text = line_of(header, widths) + line_of(rule, widths);
    for (const TextRow& line : lines) text += line_of(line, widths);
    return text;
}

std::string markdown_table(const TextRow& header, const std::vector<TextRow>& rows, bool brief) {
    const std::size_t longest_cell = brief ? longest_brief_cell : std::string::npos;
    std::string text = markdown_row(header, longest_cell) + '|';
    for (std::size_t c = 0; c < header.size(); ++c) text += "---|";
    text += '\n';
    std::size_t shown = 0;
    for (; shown < rows.size(); ++shown) {
        if (brief && (shown == most_brief_rows || text.size() > most_brief_bytes)) break;
        text += markdown_row(rows[shown], longest_cell);
    }
    if (shown < rows.size()) text += "\nand " + std::to_string(rows.size() - shown) + " more\n";
    return text;
}

std::string one_line(const std::string& text) {
    std::string line = text;
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return escaped(line);
}

std::string without_middle(const std::string& text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    std::size_t tail = text.size() - bytes / 2;
    while (tail < text.size() && (static_cast<unsigned char>(text[tail]) & 0xC0U) == 0x80U) ++tail;
    return std::string(utf8_prefix(text, bytes / 2)) + "…" + text.substr(tail);
}

std::string markdown_cell(const std::string& text) {
    std::string cell;
    for (const char c : one_line(text)) {
        if (c == '<') {
            cell += "&lt;";
        } else {
            if (std::string("|\\`*_[]>#~").find(c) != std::string::npos) cell += '\\';
            cell += c;
        }
    }
    return cell;
}

}  // namespace bcbench
