// Datasets that are one file, or several as batches: `h5ad` and `matrix`.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "experiments/bindings/datasets.hpp"

namespace bcbench {

inline constexpr const char* missing_types_help =
    "cells without a type: an error, left out (drop), or kept, where metrics on types leave them out (keep)";

std::vector<Parameter> h5ad_parameters();
std::vector<ParameterFault> h5ad_faults(const nlohmann::json& params);
DatasetSource load_h5ad(const DatasetSettings& settings);
void write_back_h5ad(const DatasetSettings& settings, const std::filesystem::path& out, const WayBack& way);

std::vector<Parameter> matrix_parameters();
std::vector<ParameterFault> matrix_faults(const nlohmann::json& params);
DatasetSource load_matrix(const DatasetSettings& settings);

}  // namespace bcbench
