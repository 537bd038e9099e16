// Documented against reproduced: expected values in their printed form, and ours in the same form.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/record.hpp"

namespace bcbench {

struct ExpectedValue {
    std::string section;      // heading it is printed under
    std::string point;        // id
    std::string minus_point;  // not empty: the value is the difference to this point's
    std::string metric;       // of metrics.csv, or one of the point's outputs
    std::string printed;      // "0.2340", "+0.0000", "(100, 30)", "[50 50]", "True"
    bool last_digit = false;  // one unit in the last printed digit may differ
};

enum class Agreement { equal, last_digit, different, missing };

struct Comparison {
    ExpectedValue expected;
    std::string reproduced;       // in the same printed form; empty if missing
    std::optional<double> value;  // ours, if it is a number
    Agreement agreement = Agreement::missing;
};

/// Reads a file of expected values: {"values": [{"section", "point", "metric", "printed", ...}]}.
/// Throws ConfigError with the place of what is wrong.
std::vector<ExpectedValue> read_expected(const std::filesystem::path& file);

/// The values as such a file has them under "values", for another reader of the results; and back. Throws ConfigError
/// naming `origin`.
nlohmann::ordered_json to_json(const std::vector<ExpectedValue>& values);
std::vector<ExpectedValue> expected_from(const nlohmann::ordered_json& values, const std::string& origin);

std::vector<Comparison> compare_with_expected(const std::vector<ExpectedValue>& expected,
                                              const std::vector<PointRecord>& records);

/// expected.csv with its header.
std::string expected_csv(const std::vector<Comparison>& comparisons);

/// "yes", "last digit", "no" or "missing".
const char* name_of(Agreement agreement);

}  // namespace bcbench
