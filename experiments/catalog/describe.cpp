#include "experiments/catalog/describe.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "experiments/text/canonical.hpp"
#include "experiments/text/names.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {
namespace {

constexpr std::size_t page_width = 100;
constexpr std::size_t gap = 2;

using Row = std::vector<std::string>;

// Lines of at most `width` characters, broken at spaces; a word longer than that is broken.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines(1);
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (!lines.back().empty() && display_width(lines.back()) + 1 + display_width(word) > width)
            lines.emplace_back();
        while (display_width(word) > width) {
            const std::string start(utf8_prefix(word, width));
            lines.back() += start;
            lines.emplace_back();
            word.erase(0, start.size());
        }
        lines.back() += (lines.back().empty() ? "" : " ") + word;
    }
    return lines;
}

std::string paragraphs(const std::string& text, std::size_t indent) {
    std::string result;
    std::istringstream source(text);
    for (std::string paragraph; std::getline(source, paragraph);)
        for (const std::string& line : wrapped(paragraph, page_width - indent))
            result += line.empty() ? "\n" : std::string(indent, ' ') + line + "\n";
    return result;
}

// Rows in aligned columns; each column is as wide as its longest cell but at most `limits`, the last takes
// the rest.
std::string table(const std::vector<Row>& rows, const std::vector<std::size_t>& limits) {
    std::vector<std::size_t> widths(limits.size(), 0);
    for (const Row& row : rows)
        for (std::size_t c = 0; c < limits.size(); ++c)
            widths[c] = std::max(widths[c], std::min(display_width(row[c]), limits[c]));
    std::size_t left = page_width;
    for (const std::size_t width : widths) left -= width + gap;
    widths.push_back(left - gap);
    std::string text;
    for (const Row& row : rows) {
        std::vector<std::vector<std::string>> cells;
        std::size_t height = 0;
        for (std::size_t c = 0; c < widths.size(); ++c) {
            cells.push_back(wrapped(row[c], widths[c]));
            height = std::max(height, cells.back().size());
        }
        for (std::size_t i = 0; i < height; ++i) {
            std::string line;
            for (std::size_t c = 0; c < widths.size(); ++c) {
                const std::string cell = i < cells[c].size() ? cells[c][i] : "";
                line += std::string(gap, ' ') + cell;
                if (display_width(cell) < widths[c]) line += std::string(widths[c] - display_width(cell), ' ');
            }
            text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
        }
    }
    return text;
}

std::string default_text(const Parameter& parameter) {
    if (!parameter.default_value.is_null()) return canonical_json(parameter.default_value);
    return parameter.optional ? "null" : "required";
}

std::string parameter_table(const std::string& title, const std::vector<Parameter>& parameters) {
    if (parameters.empty()) return "";
    std::vector<Row> rows = {{"name", "allowed", "default", "meaning"}};
    for (const Parameter& parameter : parameters)
        rows.push_back({parameter.name, allowed_values(parameter), default_text(parameter), parameter.help});
    return "\n" + title + "\n" + table(rows, {30, 26, 14});
}

std::string values_table(const std::vector<ScoreRow>& rows) {
    if (rows.empty()) return "";
    std::vector<Row> table_rows = {{"name", "better"}};
    for (const ScoreRow& row : rows)
        table_rows.push_back({row.name, row.direction == Direction::info ? "neither" : name_of(row.direction)});
    return "\nValues\n" + table(table_rows, {34});
}

std::string entry_text(const CatalogEntry& entry, const std::string& kind) {
    std::string text = entry.name + " (" + kind + ")\n" + paragraphs(entry.summary, 2);
    if (!entry.notes.empty()) text += "\n" + paragraphs(entry.notes, 2);
    text += parameter_table("Parameters", entry.parameters);
    text += parameter_table("Training (keys of \"train\")", entry.training);
    return text + values_table(entry.rows);
}

struct Kind {
    std::string plural;
    std::string singular;
    const std::vector<CatalogEntry>* entries;
};

std::vector<Kind> kinds(const Catalog& catalog) {
    return {{"datasets", "dataset", &catalog.datasets},
            {"methods", "method", &catalog.methods},
            {"metrics", "metric", &catalog.metrics},
            {"checks", "check", &catalog.checks}};
}

}  // namespace

std::string list_text(const Catalog& catalog, const std::string& kind) {
    std::string text;
    std::vector<std::string> known;
    for (const Kind& each : kinds(catalog)) {
        known.push_back(each.plural);
        if (!kind.empty() && kind != each.plural) continue;
        std::vector<Row> rows;
        for (const CatalogEntry& entry : *each.entries) rows.push_back({entry.name, entry.summary});
        text += (text.empty() ? "" : "\n") + each.plural + "\n" + table(rows, {34});
    }
    if (text.empty()) throw std::invalid_argument(unknown_name("kind", kind, known));
    return text;
}

std::string describe_text(const Catalog& catalog, const std::string& name) {
    std::string text;
    std::vector<std::string> known;
    for (const Kind& each : kinds(catalog)) {
        for (const CatalogEntry& entry : *each.entries) {
            known.push_back(entry.name);
            if (entry.name == name) text += (text.empty() ? "" : "\n") + entry_text(entry, each.singular);
        }
    }
    if (text.empty()) throw std::invalid_argument(unknown_name("dataset, method, metric or check", name, known));
    return text;
}

}  // namespace bcbench
