// A metric's result against its golden value.
#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/metrics/result.hpp"

namespace bcbench::testing {

/// `result` is what tests/golden/metrics.json has under `name`, to `tolerance`; null there means not applicable, which
/// needs a reason. 1e-9 is the tolerance that stands in the file.
inline void check_golden(const MetricResult& result, const nlohmann::json& values, const std::string& name,
                         double tolerance = 1e-9) {
    const nlohmann::json& wanted = values.at(name);
    INFO(name);
    if (wanted.is_null()) {
        CHECK_FALSE(result.value.has_value());
        CHECK_FALSE(result.reason.empty());
        return;
    }
    INFO("reason: " << result.reason);
    REQUIRE(result.value.has_value());
    CHECK(result.reason.empty());
    INFO("difference " << *result.value - wanted.get<double>());
    CHECK(std::abs(*result.value - wanted.get<double>()) <= tolerance);
}

}  // namespace bcbench::testing
