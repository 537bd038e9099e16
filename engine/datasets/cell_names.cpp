#include "engine/datasets/cell_names.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "engine/io/csv.hpp"

namespace bcbench {

namespace {

// Names that are wrong in one way: how many, and some of them.
class Examples {
  public:
    void add(std::string_view name) {
        if (++count_ <= 3) examples_ += (examples_.empty() ? "" : ", ") + shown(name);
    }

    // "; 2 cells have no row ('a', 'b')", or "".
    std::string text(const char* one, const char* several) const {
        if (count_ == 0) return "";
        return "; " + std::to_string(count_) + (count_ == 1 ? one : several) + " (" + examples_ +
               (count_ > 3 ? ", ...)" : ")");
    }

  private:
    std::size_t count_ = 0;
    std::string examples_;
};

}  // namespace

std::string order_fault(const std::vector<std::string>& there, const std::vector<std::string>& here) {
    if (there.size() != here.size()) return "";
    const auto [cell, label] = std::mismatch(there.begin(), there.end(), here.begin(), here.end());
    if (cell == there.end()) return "";
    const auto sorted = [](std::vector<std::string> names) {
        std::sort(names.begin(), names.end());
        return names;
    };
    if (sorted(there) != sorted(here)) return "";
    return "cell " + std::to_string(cell - there.begin() + 1) + " is " + shown(*cell) + " there and " + shown(*label) +
           " here";
}

NameMatch match_names(const std::vector<std::string>& cells, const std::vector<std::string>& rows) {
    if (cells == rows) return {};
    std::unordered_map<std::string_view, std::size_t> row_called;
    std::unordered_map<std::string_view, std::size_t> cell_called;
    Examples missing, surplus, twice;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        if (!row_called.emplace(rows[row], row).second) twice.add(rows[row]);
    }
    NameMatch match;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
        const auto row = row_called.find(cells[cell]);
        if (!cell_called.emplace(cells[cell], cell).second) {
            twice.add(cells[cell]);
        } else if (row == row_called.end()) {
            missing.add(cells[cell]);
        } else {
            match.rows.push_back(row->second);
        }
    }
    if (match.rows.empty()) return {};
    for (const std::string& row : rows) {
        if (cell_called.count(row) == 0) surplus.add(row);
    }
    match.fault = missing.text(" cell has no row", " cells have no row") +
                  surplus.text(" row names no cell", " rows name no cell") +
                  twice.text(" name stands twice", " names stand twice");
    if (!match.fault.empty()) match.fault.erase(0, 2);  // the first "; "
    return match;
}

Labels labels_at(const Labels& labels, const std::vector<std::size_t>& places) {
    constexpr std::uint32_t unseen = ~std::uint32_t{0};
    Labels result;
    if (labels.empty()) return result;
    std::vector<std::uint32_t> number(labels.count(), unseen);
    result.code.reserve(places.size());
    for (const std::size_t place : places) {
        const std::uint32_t code = labels.code[place];
        if (number[code] == unseen) {
            number[code] = static_cast<std::uint32_t>(result.names.size());
            result.names.push_back(labels.names[code]);
        }
        result.code.push_back(number[code]);
    }
    return result;
}

}  // namespace bcbench
