#include "experiments/text_table.hpp"

#include <algorithm>

namespace bcbench {

namespace {

std::string line_of(const TextRow& row, const std::vector<std::size_t>& widths) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string padding(widths[c] - display_width(row[c]), ' ');
        line += " " + (c == 0 ? row[c] + padding : " " + padding + row[c]);
    }
    while (line.back() == ' ') line.pop_back();
    return line + '\n';
}

std::string markdown_row(const TextRow& row) {
    std::string line = "|";
    for (const std::string& cell : row) line += " " + markdown_cell(cell) + " |";
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
    for (const TextRow& row : rows) {
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
    }
    TextRow rule;
    for (const std::size_t width : widths) rule.emplace_back(width, '-');
    std::string text = line_of(header, widths) + line_of(rule, widths);
    for (const TextRow& row : rows) text += line_of(row, widths);
    return text;
}

std::string markdown_table(const TextRow& header, const std::vector<TextRow>& rows) {
    std::string text = markdown_row(header) + '|';
    for (std::size_t c = 0; c < header.size(); ++c) text += "---|";
    text += '\n';
    for (const TextRow& row : rows) text += markdown_row(row);
    return text;
}

std::string markdown_cell(const std::string& text) {
    std::string cell;
    for (const char c : text) {
        if (c == '<') {
            cell += "&lt;";
        } else if (c == '\n' || c == '\r') {
            cell += ' ';
        } else {
            if (std::string("|\\`*_[]>#~").find(c) != std::string::npos) cell += '\\';
            cell += c;
        }
    }
    return cell;
}

}  // namespace bcbench
