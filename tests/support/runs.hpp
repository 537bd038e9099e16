// Small runs for tests of the runner, and what they leave.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.hpp"

namespace bcbench::testing {

/// A small valid config; `patch` replaces or adds top-level keys.
inline nlohmann::json small_config(const nlohmann::json& patch = nlohmann::json::object()) {
    nlohmann::json config = {
        {"schema_version", 1},
        {"name", "small"},
        {"datasets", {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 20}}}}}},
        {"methods",
         {{{"label", "Uncorrected"}, {"type", "uncorrected"}},
          {{"label", "Harmony"},
           {"type", "differentiable_harmony"},
           {"params", {{"n_clusters", 5}}},
           {"sweep", {{"grid", {{"n_iterations", {1, 3}}}}}}}}},
        {"metrics", {"batch_mixing_entropy", "mean_shift"}}};
    config.merge_patch(patch);
    return config;
}

inline nlohmann::json table_config() {
    return small_config(
        {{"datasets",
          {{{"label", "data"},
            {"type", "table"},
            {"params", {{"cells", "cells.csv"}, {"metadata", "meta.csv"}, {"batch_column", "batch"}}}}}}});
}

inline std::string cells_csv(int n) {
    std::string text = "a,b\n";
    for (int i = 0; i < n; ++i) text += std::to_string(i * 7 % 11) + "," + std::to_string(i * i % 13) + "\n";
    return text;
}

inline std::string meta_csv(int n, int n_batches) {
    std::string text = "batch\n";
    for (int i = 0; i < n; ++i) text += "b" + std::to_string(i % n_batches) + "\n";
    return text;
}

/// `n` points of a few milliseconds on few cells, or of a second and more on many.
inline nlohmann::json sweep_config(int n, int n_cells = 20, int n_iterations = 3) {
    nlohmann::json sigmas = nlohmann::json::array();
    for (int i = 1; i <= n; ++i) sigmas.push_back(i / 100.0);
    return {
        {"schema_version", 1},
        {"name", "survival"},
        {"datasets", {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", n_cells}}}}}},
        {"methods",
         {{{"label", "Harmony"},
           {"type", "differentiable_harmony"},
           {"params", {{"n_clusters", 10}, {"n_iterations", n_iterations}}},
           {"sweep", {{"grid", {{"sigma", sigmas}}}}}}}},
        {"metrics", {"mean_shift", "batch_mixing_entropy"}},
        {"outputs", {{"embeddings", true}}}};
}

/// Every file whose bytes may not depend on how the run went: all but times, manifest and lock.
inline std::map<std::string, std::string> result_bytes(const std::filesystem::path& directory) {
    std::map<std::string, std::string> bytes;
    for (const std::filesystem::directory_entry& entry : std::filesystem::recursive_directory_iterator(directory)) {
        const std::string name = std::filesystem::relative(entry.path(), directory).string();
        if (!entry.is_regular_file() || name == "manifest.json" || name == "timings.csv" || name == ".lock") continue;
        bytes[name] = contents(entry.path());
    }
    return bytes;
}

inline nlohmann::json manifest_of(const std::string& directory) {
    return nlohmann::json::parse(contents(directory + "/manifest.json"));
}

inline std::size_t rows_of(const std::string& file) {
    const std::string text = contents(file);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
}

}  // namespace bcbench::testing
