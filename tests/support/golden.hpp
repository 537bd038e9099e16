// The golden values, and comparisons that tests share.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "engine/core/types.hpp"

namespace bcbench::testing {

/// tests/golden/reference_values.json: intermediate values of the documented experiment from an independent program.
inline const nlohmann::json& golden() {
    static const nlohmann::json values = [] {
        std::ifstream stream(BCBENCH_SOURCE_DIR "/tests/golden/reference_values.json");
        if (!stream) throw std::runtime_error("tests/golden/reference_values.json is missing");
        return nlohmann::json::parse(stream);
    }();
    return values;
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
