// The golden values, and comparisons that tests share.
#pragma once

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::testing {

/// A file of tests/golden.
inline nlohmann::json golden_file(const std::string& name) {
    std::ifstream stream(BCBENCH_SOURCE_DIR "/tests/golden/" + name);
    if (!stream) throw std::runtime_error("tests/golden/" + name + " is missing");
    return nlohmann::json::parse(stream);
}

/// Intermediate values of the documented experiment from an independent program.
inline const nlohmann::json& golden() {
    static const nlohmann::json values = golden_file("reference_values.json");
    return values;
}

/// One row per cell in the file. [F x n]
inline arma::mat matrix_of(const nlohmann::json& rows) {
    arma::mat matrix(rows.at(0).size(), rows.size());
    for (arma::uword i = 0; i < matrix.n_cols; ++i) {
        for (arma::uword f = 0; f < matrix.n_rows; ++f) matrix(f, i) = rows[i][f].get<double>();
    }
    return matrix;
}

/// Labels with their codes as names.
inline Labels labels_of(const nlohmann::json& codes) {
    Labels labels{codes.get<std::vector<std::uint32_t>>(), {}};
    const std::uint32_t last = *std::max_element(labels.code.begin(), labels.code.end());
    for (std::uint32_t b = 0; b <= last; ++b) labels.names.push_back(std::to_string(b));
    return labels;
}

/// |a - b| relative to the larger magnitude.
inline double relative_difference(double a, double b) {
    const double magnitude = std::max(std::abs(a), std::abs(b));
    return magnitude == 0.0 ? 0.0 : std::abs(a - b) / magnitude;
}

template <class Real>
double max_difference(const Matrix<Real>& a, const arma::mat& b) {
    if (a.n_rows != b.n_rows || a.n_cols != b.n_cols) return arma::datum::inf;
    return arma::abs(arma::conv_to<arma::mat>::from(a) - b).max();
}

}  // namespace bcbench::testing
