#include "engine/datasets/label_notes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>

#include "engine/core/unlabelled.hpp"
#include "engine/io/csv.hpp"

namespace bcbench {

namespace {

// What two spellings of one label have in common.
std::string without_spelling(const std::string& name) {
    const std::size_t first = name.find_first_not_of(' ');
    if (first == std::string::npos) return "";
    const std::string text = name.substr(first, name.find_last_not_of(' ') + 1 - first);
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return text;
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.17g", value);
    return digits;
}

// "column 'donor': the labels '1' and '1.0' are two spellings of one and were kept apart", or nothing.
std::string note_on_spellings(const std::string& column, const Labels& labels) {
    std::map<std::string, const std::string*> seen;
    std::string pairs;
    std::size_t n_pairs = 0;
    for (const std::string& name : labels.names) {
        const auto [first, is_new] = seen.emplace(without_spelling(name), &name);
        if (is_new) continue;
        if (++n_pairs <= 3) pairs += (pairs.empty() ? "" : ", ") + shown(*first->second) + " and " + shown(name);
    }
    if (pairs.empty()) return "";
    return "column " + shown(column) + ": the labels " + pairs + (n_pairs > 3 ? ", ..." : "") +
           " are the same but for their spelling, and count as different";
}

}  // namespace

bool batches_look_wrong(const Labels& batch) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    if (sizes.size() < 2) return false;
    const auto small =
        static_cast<std::size_t>(std::count_if(sizes.begin(), sizes.end(), [](std::size_t size) { return size < 3; }));
    return 2 * small > sizes.size() || 10 * sizes.size() > batch.code.size();
}

template <class Real>
std::vector<std::string> notes_on_labels(const Dataset<Real>& data) {
    std::vector<std::string> notes;
    if (!data.about || data.about->batch_column.empty()) return notes;
    if (batches_look_wrong(data.batch)) {
        notes.push_back("column " + shown(data.about->batch_column) + " makes " + std::to_string(data.batch.count()) +
                        " batches of " + std::to_string(data.batch.code.size()) +
                        " cells: does it name cells, and not batches?");
    }
    const auto add_spellings = [&](const std::string& column, const Labels& labels) {
        std::string note = note_on_spellings(column, labels);
        if (!note.empty()) notes.push_back(std::move(note));
    };
    add_spellings(data.about->batch_column, data.batch);
    add_spellings(data.about->type_column, data.type);
    for (const LabelColumn& column : data.about->columns) add_spellings(column.name, column.labels);
    if (const std::size_t n_unlabelled = count_unlabelled(data.type); n_unlabelled > 0) {
        notes.push_back("column " + shown(data.about->type_column) + ": " + std::to_string(n_unlabelled) + " of " +
                        std::to_string(data.type.code.size()) + " cells have no type; metrics on types leave them out");
    }
    return notes;
}

std::string better_columns(const std::string& file, const std::vector<std::pair<std::string, std::size_t>>& columns,
                           std::size_t n_cells) {
    constexpr std::size_t most_listed = 10;
    std::string listed;
    std::size_t n_listed = 0;
    for (const auto& [name, n_labels] : columns) {
        if (n_labels < 2 || 10 * n_labels > n_cells || ++n_listed > most_listed) continue;
        listed += (listed.empty() ? "" : ", ") + shown(name) + " (" + std::to_string(n_labels) + ")";
    }
    if (listed.empty()) return "";
    return "columns of " + file.substr(file.rfind('/') + 1) +
           " with fewer labels, which may be the batches: " + listed + (n_listed > most_listed ? ", ..." : "");
}

template std::vector<std::string> notes_on_labels(const Dataset<float>&);
template std::vector<std::string> notes_on_labels(const Dataset<double>&);

}  // namespace bcbench
