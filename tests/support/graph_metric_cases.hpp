// The cases of tests/golden/metrics.json: cells, labels and batches as the golden values were computed from them; and
// graphs of a few nodes.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/datasets/gaussian_batches.hpp"
#include "engine/datasets/table.hpp"
#include "engine/neighbors/weighted_graph.hpp"

namespace bcbench::testing {

inline const nlohmann::json& golden_metrics() {
    static const nlohmann::json values = [] {
        std::ifstream stream(BCBENCH_SOURCE_DIR "/tests/golden/metrics.json");
        if (!stream) throw std::runtime_error("tests/golden/metrics.json is missing");
        return nlohmann::json::parse(stream);
    }();
    return values;
}

struct MetricCase {
    arma::mat cells;  // [F x n]
    Labels label;
    Labels batch;
    nlohmann::json values;
};

/// A generated case; all of them are float32 numbers.
inline MetricCase generated_case(const std::string& name) {
    const nlohmann::json& golden = golden_metrics().at("cases").at(name);
    const nlohmann::json parameters = golden.at("input").value("parameters", nlohmann::json::object());
    gaussian_batches::Options options;
    if (parameters.contains("n_cells_per_batch")) {
        const nlohmann::json& cells = parameters.at("n_cells_per_batch");
        options.n_cells_per_batch = cells.is_array() ? cells.get<std::vector<std::int64_t>>()
                                                     : std::vector<std::int64_t>{cells.get<std::int64_t>()};
    }
    options.n_types = parameters.value("n_types", options.n_types);
    options.n_features = parameters.value("n_features", options.n_features);
    options.type_signal = parameters.value("type_signal", options.type_signal);
    options.batch_shifts = parameters.value("batch_shifts", options.batch_shifts);
    options.noise_sd = parameters.value("noise_sd", options.noise_sd);
    const Dataset<float> data = gaussian_batches::generate(options, parameters.value("seed", std::uint64_t{42}));
    return {arma::conv_to<arma::mat>::from(data.cells), data.type, data.batch, golden.at("values")};
}

inline const std::vector<std::string>& generated_case_names() {
    static const std::vector<std::string> names{"gauss_default", "gauss_three", "gauss_tiny", "gauss_one_batch",
                                                "gauss_one_type"};
    return names;
}

inline const std::vector<std::string>& real_case_names() {
    static const std::vector<std::string> names{"cell_lines", "pbmc_3500", "pbmc_3500_half_centred", "awkward", "lisi"};
    return names;
}

namespace cases {

inline Dataset<double> table_of(const std::string& folder, const nlohmann::json& input, const std::string& cells,
                                const std::string& column_of) {
    const std::string source = input.at(column_of).get<std::string>();  // file:column
    const std::size_t colon = source.find(':');
    table::Options options;
    options.cells = folder + "/" + cells;
    options.metadata = folder + "/" + source.substr(0, colon);
    options.batch_column = source.substr(colon + 1);
    return table::load(options);
}

/// Half way to every batch having the mean of all.
inline arma::mat half_centred(const arma::mat& cells, const Labels& batch) {
    arma::mat moved = cells;
    const arma::vec mean = arma::mean(cells, 1);
    for (std::uint32_t b = 0; b < batch.count(); ++b) {
        std::vector<arma::uword> members;
        for (std::size_t i = 0; i < batch.code.size(); ++i) {
            if (batch.code[i] == b) members.push_back(i);
        }
        const arma::uvec own(members);
        const arma::vec shift = 0.5 * (mean - arma::mean(cells.cols(own), 1));
        moved.each_col(own) += shift;
    }
    return moved;
}

}  // namespace cases

/// A case of real data, or nothing (with a warning) if $BCBENCH_DATA does not say where the files are.
inline std::optional<MetricCase> real_case(const std::string& name) {
    const char* folder = std::getenv("BCBENCH_DATA");
    if (folder == nullptr) {
        WARN("skipped: set BCBENCH_DATA to the folder with the files of tests/golden/metrics.json");
        return std::nullopt;
    }
    const nlohmann::json& golden = golden_metrics().at("cases").at(name);
    const bool halved = name == "pbmc_3500_half_centred";
    const nlohmann::json& input = golden.at("input");
    const std::string file = input.at(halved ? "pre" : "cells").get<std::string>();
    const Dataset<double> labels = cases::table_of(folder, input, file, "labels");
    Dataset<double> data = cases::table_of(folder, input, file, "batches");
    if (halved) data.cells = cases::half_centred(data.cells, data.batch);
    return MetricCase{data.cells, labels.batch, data.batch, golden.at("values")};
}

/// The same labels with their categories called and numbered otherwise.
inline Labels renamed(const Labels& labels) {
    Labels other;
    const auto count = static_cast<std::uint32_t>(labels.count());
    for (std::uint32_t c = 0; c < count; ++c) other.names.push_back("renamed " + std::to_string(c));
    for (const std::uint32_t code : labels.code) other.code.push_back((code * (count - 1) + 1) % count);
    return other;
}

/// Labels 0 .. count-1.
inline Labels numbered(std::vector<std::uint32_t> code, std::uint32_t count) {
    Labels labels;
    labels.code = std::move(code);
    for (std::uint32_t c = 0; c < count; ++c) labels.names.push_back(std::to_string(c));
    return labels;
}

/// The graph with these weights [n x n] between nodes; 0: no edge.
inline WeightedGraph graph_of(const arma::mat& weights) {
    WeightedGraph graph;
    graph.start.assign(1, 0);
    for (arma::uword i = 0; i < weights.n_cols; ++i) {
        for (arma::uword j = 0; j < weights.n_cols; ++j) {
            if (weights(i, j) <= 0.0) continue;
            graph.target.push_back(static_cast<std::uint32_t>(j));
            graph.weight.push_back(weights(i, j));
        }
        graph.start.push_back(graph.target.size());
    }
    return graph;
}

/// Symmetric weights in (0, 1) of a share `density` of all pairs. [n x n]
inline arma::mat random_weights(arma::uword n, double density, unsigned seed) {
    std::mt19937 engine(seed);
    std::uniform_real_distribution<double> uniform;
    arma::mat weights(n, n, arma::fill::zeros);
    for (arma::uword i = 0; i < n; ++i) {
        for (arma::uword j = 0; j < i; ++j) {
            if (uniform(engine) < density) weights(i, j) = weights(j, i) = uniform(engine);
        }
    }
    return weights;
}

}  // namespace bcbench::testing
