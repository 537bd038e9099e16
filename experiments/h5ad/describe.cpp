#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "engine/core/check.hpp"
#include "experiments/h5ad/h5ad.hpp"
#include "experiments/h5ad/sizes.hpp"
#include "experiments/h5ad/transport.hpp"
#include "experiments/text/canonical.hpp"
#include "experiments/text/table.hpp"

namespace bcbench {

namespace {

H5adColumn column_from(const nlohmann::json& json) {
    H5adColumn column;
    column.name = json.at("name");
    column.kind = json.contains("fault") ? "" : json.at("kind").get<std::string>();
    column.fault = json.value("fault", "");
    column.n_missing = json.value("n_missing", std::size_t{0});
    column.n_labels = json.value("n_labels", std::size_t{0});
    column.least = json.value("least", 0.0);
    column.largest = json.value("largest", 0.0);
    if (json.contains("labels")) {
        for (const nlohmann::json& label : json.at("labels")) column.labels.emplace_back(label.at(0), label.at(1));
    }
    return column;
}

H5adArray array_from(const nlohmann::json& json) {
    H5adArray array;
    array.path = json.at("path");
    array.fault = json.value("fault", "");
    if (!array.fault.empty()) return array;
    array.storage = json.at("storage");
    array.element = json.at("element");
    array.n_rows = json.at("n_rows");
    array.n_columns = json.at("n_columns");
    array.n_entries = json.value("n_entries", std::size_t{0});
    array.compression = json.at("compression");
    array.counts = json.value("counts", false);
    return array;
}

std::string column_content(const H5adColumn& column) {
    constexpr std::size_t most_shown = 6;
    if (!column.fault.empty()) return column.fault;
    std::string text;
    if (column.kind == "number" || column.kind == "integer") {
        text = number_text(column.least) + " to " + number_text(column.largest);
    }
    const bool all_different = column.kind == "integer" && column.n_labels > most_shown * 3;
    if (column.kind != "number" && !all_different) {
        if (!text.empty()) text += "; ";
        text += std::to_string(column.n_labels) + (column.n_labels == 1 ? " label: " : " labels: ");
        for (std::size_t i = 0; i < std::min(column.labels.size(), most_shown); ++i) {
            text += (i ? ", " : "") + without_middle(column.labels[i].first, 30) + " " +
                    h5ad::count_text(column.labels[i].second);
        }
        if (column.n_labels > most_shown) text += ", ...";
    }
    if (column.n_missing > 0) text += "; " + h5ad::count_text(column.n_missing) + " missing";
    return text;
}

std::string array_content(const H5adArray& array) {
    if (!array.fault.empty()) return array.fault;
    std::string text = h5ad::count_text(array.n_rows) + " x " + h5ad::count_text(array.n_columns) + " " + array.element;
    if (array.storage != "dense") {
        const double all = static_cast<double>(array.n_rows) * static_cast<double>(array.n_columns);
        const double percent = all > 0.0 ? 100.0 * static_cast<double>(array.n_entries) / all : 0.0;
        text += ", " + array.storage + " with " + h5ad::count_text(array.n_entries) + " entries (" +
                number_text(std::round(percent * 10.0) / 10.0) + " %)";
    }
    if (array.counts) text += ", whole numbers";
    if (!array.compression.empty()) text += ", " + array.compression;
    return text;
}

bool can_be_labels(const H5adColumn& column, std::size_t n_cells) {
    return !column.kind.empty() && column.kind != "number" && column.n_labels >= 2 && column.n_labels < n_cells;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// The first column, by the words in order, whose name is the word; then the first whose name contains one.
std::optional<std::string> column_meant(const H5adSummary& summary, const std::vector<std::string>& words,
                                        const std::string& taken) {
    for (const bool whole : {true, false}) {
        for (const std::string& word : words) {
            for (const H5adColumn& column : summary.columns) {
                const std::string name = lower(column.name);
                const bool fits = whole ? name == word : name.find(word) != std::string::npos;
                if (fits && column.name != taken && can_be_labels(column, summary.n_cells)) return column.name;
            }
        }
    }
    return std::nullopt;
}

// Principal components if there are some, else any other embedding but a picture of two dimensions, else the counts,
// else X, or what else can be read.
H5adArray cells_meant(const H5adSummary& summary) {
    const auto find = [&](const auto& fits) {
        return std::find_if(summary.arrays.begin(), summary.arrays.end(),
                            [&](const H5adArray& array) { return array.fault.empty() && fits(array); });
    };
    const auto at = [&](const char* path) { return find([&](const H5adArray& array) { return array.path == path; }); };
    const auto counts = [&](const char* path) {
        return find([&](const H5adArray& array) { return array.path == path && array.counts; });
    };
    for (const auto& found :
         {at("obsm/X_pca"), find([](const H5adArray& array) {
              return array.storage == "dense" && array.path.starts_with("obsm/") && array.n_columns > 3;
          }),
          counts("layers/counts"), counts("X"), counts("raw/X"), at("X"), find([](const H5adArray&) { return true; })})
        if (found != summary.arrays.end()) return *found;
    H5adArray none;
    none.path = "X";
    return none;
}

// From these cells to principal components, where they are no embedding yet.
nlohmann::ordered_json steps_meant(const H5adArray& cells) {
    constexpr std::size_t few = 50, n_genes = 2000;
    nlohmann::ordered_json steps = nlohmann::ordered_json::array();
    if (cells.path.starts_with("obsm/")) return steps;
    if (cells.counts) steps = {"normalize_total", "log1p"};
    if (cells.n_columns > n_genes && (cells.counts || cells.storage != "dense"))  // what is dense may be scaled
        steps.push_back({{"highly_variable", {{"n_top_genes", n_genes}}}});
    if (cells.n_columns > few && cells.n_rows > 1)
        steps.push_back({{"pca", {{"n_components", std::min({few, cells.n_rows - 1, cells.n_columns - 1})}}}});
    return steps;
}

}  // namespace

H5adSummary describe_h5ad(const std::string& file, const H5adLimits& limits) {
    h5ad::require_hdf5(file);
    const h5ad::Answer answer = h5ad::ask_worker({{"kind", "describe"}}, h5ad::shared_memory(), file, limits);
    H5adSummary summary;
    summary.file = file;
    std::error_code ignored;
    summary.bytes = std::filesystem::file_size(file, ignored);
    try {
        summary.n_cells = answer.header.at("n_cells");
        summary.n_features = answer.header.at("n_features");
        summary.layout = answer.header.at("layout");
        for (const nlohmann::json& column : answer.header.at("columns")) summary.columns.push_back(column_from(column));
        for (const nlohmann::json& array : answer.header.at("arrays")) summary.arrays.push_back(array_from(array));
        summary.unstructured = answer.header.at("unstructured").get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception& fault) {
        throw DataError(file + ": damaged: the process reading it gave an answer that makes no sense: " + fault.what());
    }
    return summary;
}

std::string h5ad_text(const H5adSummary& summary) {
    std::string text = one_line(summary.file) + ": " + h5ad::count_text(summary.n_cells) + " cells, " +
                       h5ad::count_text(summary.n_features) + " features, " + h5ad::byte_text(summary.bytes) + " (" +
                       summary.layout + ")\n\nobs, the columns of the cells:\n";
    std::vector<TextRow> rows;
    for (const H5adColumn& column : summary.columns) {
        rows.push_back({one_line(column.name), column.kind.empty() ? "not readable" : column.kind,
                        one_line(column_content(column))});
    }
    const auto list = [](const std::vector<TextRow>& lines) {
        std::string all;
        std::size_t widths[2] = {0, 0};
        for (const TextRow& line : lines) {
            for (std::size_t i = 0; i + 1 < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
        }
        for (const TextRow& line : lines) {
            all += "  ";
            for (std::size_t i = 0; i + 1 < line.size(); ++i) {
                all += line[i] + std::string(widths[i] - display_width(line[i]) + 2, ' ');
            }
            all += line.back() + "\n";
        }
        return all.empty() ? std::string("  none\n") : all;
    };
    text += list(rows) + "\nmatrices:\n";
    rows.clear();
    for (const H5adArray& array : summary.arrays)
        rows.push_back({one_line(array.path), one_line(array_content(array))});
    text += list(rows);
    if (!summary.unstructured.empty()) {
        text += "\nuns: ";
        for (std::size_t i = 0; i < summary.unstructured.size(); ++i) {
            text += (i ? ", " : "") + one_line(summary.unstructured[i]);
        }
        text += "\n";
    }
    return text;
}

std::string h5ad_config(const H5adSummary& summary) {
    const auto batch =
        column_meant(summary,
                     {"batch", "donor", "sample", "donor_id", "sample_id", "patient", "individual", "orig.ident",
                      "dataset", "study", "library", "assay", "tech", "lane", "replicate", "condition"},
                     "");
    const auto type =
        column_meant(summary,
                     {"cell_type", "celltype", "cell_types", "final_annotation", "bulk_labels", "annotation",
                      "cell_ontology_class", "celltypes", "cluster", "louvain", "leiden", "type"},
                     batch.value_or(""));
    const H5adArray cells = cells_meant(summary);
    nlohmann::ordered_json params = {{"file", std::filesystem::path(summary.file).filename().string()},
                                     {"cells", cells.path},
                                     {"batch_column", batch.value_or("BATCH_COLUMN")}};
    if (type) params["type_column"] = *type;
    for (const H5adColumn& column : summary.columns) {
        if (column.n_missing > 0 && (column.name == batch || column.name == type)) params["missing"] = "drop";
    }
    if (const auto steps = steps_meant(cells); !steps.empty()) params["preprocess"] = steps;
    const std::string label = std::filesystem::path(summary.file).stem().string();
    const nlohmann::ordered_json config = {
        {"schema_version", 1},
        {"name", label},
        {"datasets", {{{"label", label}, {"type", "h5ad"}, {"params", params}}}},
        {"methods",
         {{{"label", "Uncorrected"}, {"type", "uncorrected"}},
          {{"label", "Harmony"}, {"type", "harmony"}, {"seed", 0}}}},
        {"metrics", type ? nlohmann::ordered_json{"batch_mixing_entropy", "mean_shift", "mixing_ceiling", "type_purity"}
                         : nlohmann::ordered_json{"batch_mixing_entropy", "mean_shift"}}};
    return config.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace bcbench
