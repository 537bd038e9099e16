#include "experiments/catalog/describe.hpp"

#include <algorithm>
#include <functional>
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
using json = nlohmann::ordered_json;

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

// The keys of objects in lists, a table per form.
std::string form_tables(const std::vector<Parameter>& parameters) {
    std::string text;
    for (const Parameter& parameter : parameters) {
        for (const ObjectForm& form : parameter.forms) {
            const std::string title = form.name.empty() ? "Elements of \"" + parameter.name + "\""
                                                        : "Step \"" + form.name + "\" of \"" + parameter.name + "\"";
            text += form.members.empty() ? "\n" + title + "\n" : parameter_table(title, form.members);
            text += paragraphs(form.help, 2);
        }
    }
    return text;
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
    text += form_tables(entry.parameters);
    text += parameter_table("Training (keys of \"train\")", entry.training);
    return text + values_table(entry.rows);
}

json to_json(const Parameter& parameter) {
    json made = {{"name", parameter.name},
                 {"type", type_name(parameter)},
                 {"allowed", allowed_values(parameter)},
                 {"required", parameter.default_value.is_null() && !parameter.optional},
                 {"default", parameter.default_value}};
    made["schema"] = schema_of(parameter);
    made["help"] = parameter.help;
    return made;
}

json to_json(const std::vector<Parameter>& parameters) {
    json list = json::array();
    for (const Parameter& parameter : parameters) list.push_back(to_json(parameter));
    return list;
}

json summary_of(const CatalogEntry& entry, const std::string& kind) {
    return {{"kind", kind}, {"name", entry.name}, {"summary", entry.summary}};
}

std::string entry_json(const CatalogEntry& entry, const std::string& kind) {
    json made = summary_of(entry, kind);
    made["notes"] = entry.notes;
    made["parameters"] = to_json(entry.parameters);
    made["training"] = to_json(entry.training);
    made["values"] = json::array();
    for (const ScoreRow& row : entry.rows)
        made["values"].push_back(
            {{"name", row.name}, {"direction", name_of(row.direction)}, {"group", name_of(row.group)}});
    return made.dump() + "\n";
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

// What `write` says of each kind asked for, "" for all. Throws if there is no such kind.
std::string of_kinds(const Catalog& catalog, const std::string& kind,
                     const std::function<std::string(const Kind&)>& write, const char* between) {
    std::string text;
    std::vector<std::string> known;
    for (const Kind& each : kinds(catalog)) {
        known.push_back(each.plural);
        if (!kind.empty() && kind != each.plural) continue;
        text += (text.empty() ? "" : between) + write(each);
    }
    if (text.empty()) throw std::invalid_argument(unknown_name("kind", kind, known));
    return text;
}

// What `write` says of each entry called `name`. Throws if there is none.
std::string of_entries(const Catalog& catalog, const std::string& name,
                       const std::function<std::string(const CatalogEntry&, const std::string&)>& write,
                       const char* between) {
    std::string text;
    std::vector<std::string> known;
    for (const Kind& each : kinds(catalog)) {
        for (const CatalogEntry& entry : *each.entries) {
            known.push_back(entry.name);
            if (entry.name == name) text += (text.empty() ? "" : between) + write(entry, each.singular);
        }
    }
    if (text.empty()) throw std::invalid_argument(unknown_name("dataset, method, metric or check", name, known));
    return text;
}

}  // namespace

std::string list_text(const Catalog& catalog, const std::string& kind) {
    const auto write = [](const Kind& each) {
        std::vector<Row> rows;
        for (const CatalogEntry& entry : *each.entries) rows.push_back({entry.name, entry.summary});
        return each.plural + "\n" + table(rows, {34});
    };
    return of_kinds(catalog, kind, write, "\n");
}

std::string list_json(const Catalog& catalog, const std::string& kind) {
    const auto write = [](const Kind& each) {
        std::string lines;
        for (const CatalogEntry& entry : *each.entries) lines += summary_of(entry, each.singular).dump() + "\n";
        return lines;
    };
    return of_kinds(catalog, kind, write, "");
}

std::string describe_text(const Catalog& catalog, const std::string& name) {
    return of_entries(catalog, name, entry_text, "\n");
}

std::string describe_json(const Catalog& catalog, const std::string& name) {
    return of_entries(catalog, name, entry_json, "");
}

}  // namespace bcbench
