// Small data and parameters that tests of all methods share.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "experiments/bindings/datasets.hpp"
#include "experiments/bindings/method.hpp"

namespace bcbench::testing {

inline Dataset<double> documented_data() { return load_dataset("gaussian_batches", {{}, 42, ""}); }

inline MethodSettings settings(nlohmann::json params, std::uint64_t seed, Precision precision = Precision::float64) {
    return {std::move(params), nullptr, seed, precision, {}};
}

inline double loss_of(const Fit<double>& fit, const std::string& name) {
    for (const Score& loss : fit.losses) {
        if (loss.metric == name) return loss.value.value();
    }
    throw std::invalid_argument("no loss " + name);
}

struct Case {
    std::string method;
    nlohmann::json params;
};

/// Every method of the table, with parameters small enough for the slow reference.
inline std::vector<Case> small_cases() {
    std::vector<Case> cases;
    for (const MethodDefinition& method : method_table()) {
        if (!method.is_external) cases.push_back({method.name, nlohmann::json::parse(method.small)});
    }
    return cases;
}

struct Shape {
    std::vector<std::int64_t> cells_per_batch;
    std::vector<double> shifts;
    std::int64_t types;
    std::int64_t features;
};

inline const std::vector<Shape> shapes = {
    {{50}, {0, 3}, 2, 30},            // documented
    {{20, 31, 9}, {0, 1, 2}, 3, 11},  // unequal batches, features not divisible by types
    {{13}, {0}, 1, 5},                // a single batch
    {{2}, {0, 3}, 1, 1},              // hardly anything
    {{150, 140}, {0, 3}, 2, 6},       // more than one tile of 256 cells
    {{8}, {0, 1, 2, 3, 4}, 2, 9},     // five batches
};

inline Dataset<double> data_of(const Shape& shape, std::uint64_t seed) {
    nlohmann::json params = {{"n_cells_per_batch", shape.cells_per_batch},
                             {"batch_shifts", shape.shifts},
                             {"n_types", shape.types},
                             {"n_features", shape.features}};
    return load_dataset("gaussian_batches", {params, seed, ""});
}

}  // namespace bcbench::testing
