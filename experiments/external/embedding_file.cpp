#include "experiments/external/embedding_file.hpp"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "engine/core/check.hpp"
#include "engine/io/csv.hpp"
#include "engine/io/npy.hpp"
#include "experiments/system/files.hpp"

namespace bcbench::external {

namespace {

constexpr const char* unnamed = "the file does not name its cells: they are taken to be in the order of the dataset";

std::optional<double> number_in(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

EmbeddingFile read_npy(const std::string& path, std::size_t n_cells) {
    const npy::Array array = npy::decode(read_file(path), path);
    if (array.shape.size() != 2 || array.shape[0] != n_cells || array.shape[1] == 0) {
        const bool transposed = array.shape.size() == 2 && array.shape[1] == n_cells;
        throw DataError(path + ": must have one row for each of the " + std::to_string(n_cells) + " cells" +
                        (transposed ? "; it is transposed" : ", has " + std::to_string(array.shape[0])));
    }
    EmbeddingFile read;
    read.cells = std::visit(
        [&](const auto& values) {
            using Value = typename std::decay_t<decltype(values)>::value_type;
            return arma::conv_to<arma::mat>::from(arma::Mat<Value>(values.data(), array.shape[1], array.shape[0]));
        },
        array.values);
    if (!read.cells.is_finite()) throw DataError(path + ": has values that are not finite");
    read.notes = {unnamed};
    return read;
}

// Titles under which programs write the names of rows.
bool titles_names(const std::string& title) {
    return title.empty() || title == "cell" || title == "cell_id" || title == "barcode" || title == "index" ||
           title == "Unnamed: 0";
}

EmbeddingFile read_table(const std::string& path, const std::vector<std::string>& names, std::size_t n_cells) {
    DelimitedReader reader(path, open_bytes(path), true);
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < names.size(); ++i) places.emplace(names[i], i);
    EmbeddingFile read;
    std::vector<bool> seen(n_cells, false);
    bool is_named = false;
    std::size_t n_rows = 0;
    for (std::size_t row = 0; reader.next(); ++row) {
        const auto& fields = reader.row();
        if (row == 0) {
            is_named = titles_names(reader.header().front()) || !number_in(fields.front());
            if (fields.size() <= (is_named ? 1U : 0U)) reader.fail("has no column of numbers");
            read.cells.set_size(fields.size() - (is_named ? 1 : 0), n_cells);
        }
        if (row == n_cells) reader.fail("is a row more than the dataset has cells, " + std::to_string(n_cells));
        n_rows = row + 1;
        std::size_t place = row;
        if (is_named && !names.empty()) {
            const auto found = places.find(std::string(fields.front()));
            if (found == places.end()) reader.fail_at(0, "the dataset has no cell " + shown(fields.front()));
            place = found->second;
            if (seen[place]) reader.fail_at(0, "names the cell " + shown(fields.front()) + " a second time");
            seen[place] = true;
        }
        for (std::size_t c = is_named ? 1 : 0; c < fields.size(); ++c) {
            const auto value = number_in(fields[c]);
            if (!value || !std::isfinite(*value)) reader.fail_at(c, shown(fields[c]) + " is no finite number");
            read.cells(c - (is_named ? 1 : 0), place) = *value;
        }
    }
    if (n_rows < n_cells)
        throw DataError(path + ": has " + std::to_string(n_rows) + " rows, the dataset has " + std::to_string(n_cells) +
                        " cells");
    if (!is_named || names.empty()) read.notes = {unnamed};
    return read;
}

}  // namespace

EmbeddingFile read_embedding_file(const std::string& path, const std::vector<std::string>& names, std::size_t n_cells) {
    if (std::filesystem::path(path).extension() == ".npy") return read_npy(path, n_cells);
    return read_table(path, names.size() == n_cells ? names : std::vector<std::string>(), n_cells);
}

}  // namespace bcbench::external
