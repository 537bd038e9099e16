// What decides the values of a point, as hashes: a finished point stands as long as they are the same.
#pragma once

#include <string>

#include "experiments/plan/plan.hpp"

namespace bcbench {

/// Of everything that decides the fit, its checks and its times: labels and resolved parameters, checks, repeats and
/// outputs asked for, the data and the program.
std::string fit_fingerprint(const Point& point, const Config& config, const std::string& data_hash);

/// Of the fit and of the metrics with their versions: everything that decides the record.
std::string fingerprint_of(const Point& point, const Config& config, const std::string& data_hash);

}  // namespace bcbench
