#include "experiments/h5ad/worker/summary.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/h5ad/worker/columns.hpp"
#include "experiments/h5ad/worker/matrices.hpp"

namespace bcbench::h5ad {

namespace {

constexpr std::size_t most_labels = 1000;
constexpr std::size_t most_columns = 10'000;

void add_labels(const Column& column, const std::string& path, nlohmann::json& summary) {
    const CodedLabels labels = labels_of(column, path);
    std::vector<std::size_t> sizes(labels.names.size());
    for (const std::int32_t code : labels.codes) {
        if (code >= 0) ++sizes[static_cast<std::size_t>(code)];
    }
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (sizes[i] > 0) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
    summary["n_labels"] = order.size();
    if (order.size() > most_labels) order.resize(most_labels);
    nlohmann::json& list = summary["labels"] = nlohmann::json::array();
    for (const std::size_t i : order) list.push_back({labels.names[i], sizes[i]});
}

void add_range(const Column& column, const std::string& path, nlohmann::json& summary) {
    double least = INFINITY, largest = -INFINITY;
    for (const double value : numbers_of(column, path)) {
        if (!std::isfinite(value)) continue;
        least = std::min(least, value);
        largest = std::max(largest, value);
    }
    if (least > largest) return;
    summary["least"] = least;
    summary["largest"] = largest;
}

nlohmann::json column_summary(const Table& obs, const std::string& name) {
    nlohmann::json summary = {{"name", name}};
    try {
        const Column column = obs.column(name);
        const std::string path = "obs/" + name;
        std::size_t n_missing = 0;
        for (std::size_t i = 0; i < column.size(); ++i) n_missing += column.is_missing(i);
        summary["n_missing"] = n_missing;
        if (column.kind != Column::Kind::number) add_labels(column, path, summary);
        if (column.kind == Column::Kind::number || column.kind == Column::Kind::integer)
            add_range(column, path, summary);
        summary["kind"] = kind_name(column.kind);
    } catch (const FileFault& fault) {
        summary["fault"] = fault.what();
    }
    return summary;
}

}  // namespace

nlohmann::json summary_of(const File& file) {
    const Table obs(file, "obs");
    nlohmann::json summary = {{"n_cells", obs.n_rows()}, {"n_features", 0}};
    const std::string encoding = encoding_of(file, "");
    summary["layout"] = obs.is_compound()       ? "AnnData 0.6 or before: obs is one table"
                        : encoding == "anndata" ? "AnnData 0.8 or later"
                                                : "AnnData 0.7, or another program";
    if (kind_of(file, "var") != ObjectKind::absent) summary["n_features"] = Table(file, "var").n_rows();
    nlohmann::json& columns = summary["columns"] = nlohmann::json::array();
    for (const std::string& name : obs.columns()) {
        if (columns.size() < most_columns) columns.push_back(column_summary(obs, name));
        file.progress();
    }
    nlohmann::json& arrays = summary["arrays"] = nlohmann::json::array();
    for (const MatrixPlace& place : matrices_in(file)) arrays.push_back(matrix_summary(file, place));
    summary["unstructured"] = nlohmann::json::array();
    if (kind_of(file, "uns") == ObjectKind::group) summary["unstructured"] = members_of(file, "uns");
    return summary;
}

}  // namespace bcbench::h5ad
