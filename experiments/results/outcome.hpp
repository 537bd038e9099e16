// What running one point leaves behind, before it is on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/types.hpp"
#include "engine/io/npy.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

struct StageTime {
    std::string stage;  // load, preprocess, fit, initialize, trace, metrics, gradient, checks, projection, arrays
    std::uint64_t repeat = 0;
    double seconds = 0.0;
    std::uint64_t peak_rss_bytes = 0;
    double operations = 0.0;  // floating-point, of the whole process meanwhile
};

/// Corrected cells [F x n] in the precision of the run; nothing if the config does not ask for them.
using Embedding = std::variant<std::monostate, arma::fmat, arma::mat>;

struct Executed {
    PointRecord record;
    std::vector<StageTime> times;
    Embedding embedding;
    npy::NamedArrays model = {};  // trained parameters, if the `train` block asks for them; else empty
    std::string per_cell = {};    // content of the CSV with the values of each cell, if the config asks; else empty
    std::optional<npy::NamedArrays> arrays = {};     // what the method computed besides, if the config asks for it
    std::optional<npy::NamedArrays> gradients = {};  // if the config asks for them; empty: the method has none
};

}  // namespace bcbench
