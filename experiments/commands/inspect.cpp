#include "experiments/commands/inspect.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/io/csv.hpp"
#include "engine/io/matrix_market.hpp"
#include "engine/io/npy.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/system/files.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::size_t most_labels = 1000;  // of a column; with more it names cells

// A config as inspect prints it. What the user has to put in is in capitals.
std::string offered(const std::string& config) {
    std::string missing;
    for (const char* word : {"CELLS_FILE", "METADATA_FILE", "BATCH_COLUMN"})
        if (config.find('"' + std::string(word) + '"') != std::string::npos)
            missing += (missing.empty() ? "" : " and ") + std::string(word);
    return (missing.empty() ? "\nA config that runs on it:\n\n"
                            : "\nA config for it, which needs your own in place of " + missing + ":\n\n") +
           config;
}

std::string config_text(const std::string& file, const std::string& type, ordered_json params) {
    const std::string label = fs::path(file).stem().stem().string();
    const ordered_json config = {{"schema_version", 1},
                                 {"name", label},
                                 {"datasets", {{{"label", label}, {"type", type}, {"params", std::move(params)}}}},
                                 {"methods",
                                  {{{"label", "Uncorrected"}, {"type", "uncorrected"}},
                                   {{"label", "Harmony"}, {"type", "harmony"}, {"seed", 0}}}},
                                 {"metrics", {"batch_mixing_entropy", "mean_shift"}}};
    return offered(config.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

std::string size_text(const std::string& file, std::size_t n_cells, std::size_t n_features) {
    return one_line(file) + ": " + h5ad::count_text(n_cells) + " cells, " + h5ad::count_text(n_features) + " features";
}

// ---- CSV and TSV ----

struct Column {
    std::string name;
    bool numbers = true;
    std::map<std::string, std::size_t> labels;  // of at most most_labels
};

bool is_number(std::string_view text) {
    double value = 0.0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::string content_of(const Column& column) {
    constexpr std::size_t most_shown = 6;
    if (column.labels.size() > most_labels) return column.numbers ? "numbers" : "names, nearly all different";
    std::vector<std::pair<std::size_t, std::string>> falling;
    for (const auto& [label, count] : column.labels) falling.emplace_back(count, label);
    std::stable_sort(falling.begin(), falling.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string text = std::to_string(falling.size()) + (falling.size() == 1 ? " label: " : " labels: ");
    for (std::size_t i = 0; i < std::min(falling.size(), most_shown); ++i)
        text += (i ? ", " : "") + one_line(falling[i].second) + " " + h5ad::count_text(falling[i].first);
    return text + (falling.size() > most_shown ? ", ..." : "");
}

std::string inspect_table(const std::string& file) {
    DelimitedReader reader(file, open_bytes(file), true);
    std::vector<Column> columns;
    std::size_t n_rows = 0;
    while (reader.next()) {
        if (n_rows++ == 0)
            for (const std::string& name : reader.header()) columns.push_back({name, true, {}});
        for (std::size_t c = 0; c < columns.size(); ++c) {
            const std::string_view field = reader.row()[c];
            columns[c].numbers = columns[c].numbers && is_number(field);
            if (columns[c].labels.size() <= most_labels) ++columns[c].labels[std::string(field)];
        }
    }
    const auto is_text = [](const Column& column) { return !column.numbers; };
    const auto n_texts = static_cast<std::size_t>(std::count_if(columns.begin(), columns.end(), is_text));
    const bool cells = n_texts == 0 || (n_texts == 1 && columns.size() > 2 && !columns.front().numbers);
    const std::string name = fs::path(file).filename().string();
    if (cells) {
        ordered_json params = {{"cells", name}, {"metadata", "METADATA_FILE"}, {"batch_column", "BATCH_COLUMN"}};
        if (n_texts == 1) params["row_names"] = true;
        return size_text(file, n_rows, columns.size() - n_texts) + (n_texts == 1 ? ", named in the first column" : "") +
               ": the numbers of a table\n" + config_text(file, "table", params);
    }
    std::string text =
        one_line(file) + ": " + h5ad::count_text(n_rows) + " rows: the metadata of a table\n\ncolumns:\n";
    std::string batch = "BATCH_COLUMN";
    for (const Column& column : columns) {
        text += "  " + one_line(column.name.empty() ? "(untitled)" : column.name) + "  " + content_of(column) + "\n";
        const bool can_be = column.labels.size() >= 2 && column.labels.size() <= most_labels &&
                            column.labels.size() < n_rows / 2 + 1 && !column.name.empty();
        if (batch == "BATCH_COLUMN" && can_be && !column.numbers) batch = column.name;
    }
    return text + config_text(file, "table", {{"cells", "CELLS_FILE"}, {"metadata", name}, {"batch_column", batch}});
}

// ---- matrices ----

std::string entries_text(const SparseCells<float>& counts) {
    const double all = static_cast<double>(counts.n_features) * static_cast<double>(counts.n_cells());
    const double percent = all > 0.0 ? 100.0 * static_cast<double>(counts.n_entries()) / all : 0.0;
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.1f", percent);
    return ", sparse with " + h5ad::count_text(counts.n_entries()) + " entries (" + digits + " %)\n";
}

ordered_json matrix_params(const std::string& file, bool counts) {
    fs::path path(file);
    if (!path.has_filename()) path = path.parent_path();
    ordered_json params = {
        {"file", path.filename().string()}, {"metadata", "METADATA_FILE"}, {"batch_column", "BATCH_COLUMN"}};
    if (counts) {
        params["preprocess"] = ordered_json::parse(
            R"(["normalize_total", "log1p", {"highly_variable": {"n_top_genes": 2000}}, {"pca": {"n_components": 50}}])");
    }
    return params;
}

std::string inspect_10x(const std::string& folder) {
    const TenX<float> read = read_10x<float>(folder);
    return size_text(folder, read.counts.n_cells(), read.counts.n_features) + entries_text(read.counts) +
           "\nfeatures: " + one_line(read.feature_ids.front()) + " (" + one_line(read.feature_names.front()) +
           "), ...\ncells: " + one_line(read.cell_names.front()) + ", ...\n" +
           config_text(folder, "matrix", matrix_params(folder, true));
}

std::string inspect_npy(const std::string& file) {
    const npy::Array array = npy::decode(read_file(file), file);
    if (array.shape.size() != 2) throw DataError(file + ": has one dimension, expected cells x features");
    static const char* const kinds[] = {"float32", "float64", "int64"};
    return size_text(file, array.shape[0], array.shape[1]) + ", " + kinds[array.values.index()] + "\n" +
           config_text(file, "matrix", matrix_params(file, false));
}

}  // namespace

std::string inspect_text(const std::string& file) {
    std::error_code error;
    const bool tenx =
        fs::exists(fs::path(file) / "matrix.mtx", error) || fs::exists(fs::path(file) / "matrix.mtx.gz", error);
    if (tenx) return inspect_10x(file);
    if (file.ends_with(".npy")) return inspect_npy(file);
    if (file.ends_with(".mtx") || file.ends_with(".mtx.gz")) {
        const auto counts = read_matrix_market<float>(file, CellsAre::columns);
        return size_text(file, counts.n_cells(), counts.n_features) + entries_text(counts) +
               config_text(file, "matrix", matrix_params(file, true));
    }
    for (const char* ending : {".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"})
        if (file.ends_with(ending)) return inspect_table(file);
    const H5adSummary summary = describe_h5ad(file);
    return h5ad_text(summary) + offered(h5ad_config(summary));
}

}  // namespace bcbench
