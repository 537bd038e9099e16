// One value of a point as it stands in metrics.csv, and the words of its direction.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bcbench {

/// Which way is better; a comparison knows by it which way is worse.
enum class Direction { higher, lower, info };

const char* name_of(Direction direction);

struct Score {
    std::string metric;
    std::optional<double> value;  // nothing: not computable, for the reason below
    Direction direction = Direction::info;
    std::string not_applicable_reason;  // set exactly when there is no value
    int version = 1;                    // of the metric's definition; values of different versions do not compare
};

/// A value that something always gives, or says why not.
struct ScoreRow {
    const char* name;
    Direction direction;
};

Score score(std::string metric, double value, Direction direction);
Score not_applicable(std::string metric, Direction direction, std::string reason);

/// The rows without values, for a point or a dataset that has none.
std::vector<Score> not_applicable(std::span<const ScoreRow> rows, const std::string& reason);

}  // namespace bcbench
