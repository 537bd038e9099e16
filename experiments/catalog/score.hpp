// One value of a point as it stands in metrics.csv: which way is better, and where it belongs.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace bcbench {

/// Which way is better; a comparison knows by it which way is worse.
enum class Direction { higher, lower, info };

const char* name_of(Direction direction);

/// Where a value belongs in tables and figures. The first three come from the method, the last two from a check, all
/// others from a metric.
enum class Group {
    loss,
    iteration,         // of a method's own course: iterations run, why it stopped
    detail,            // of a method, for reference
    mixing,            // of batches
    means,             // of batches: how far apart
    biology,           // what should be kept
    aggregate,         // of several metrics
    detail_of_metric,  // figures behind a metric
    reference,         // what a perfect result reaches: nothing to be ranked by
    other,
    check,         // 1 (holds) or 0, where the direction is `higher`
    check_detail,  // figures behind a check; those of direction `higher` are 1 or 0 too
};

const char* name_of(Group group);

/// The group called `name`. Throws std::invalid_argument if there is none.
Group group_named(const std::string& name);

struct Score {
    std::string metric;
    std::optional<double> value;  // nothing: not computable, for the reason below
    Direction direction = Direction::info;
    std::string not_applicable_reason;  // set exactly when there is no value
    int version = 1;                    // of the metric's definition; values of different versions do not compare
    Group group = Group::other;
    std::string defined_by = {};  // a parameter that the definition contains: over it values do not compare
};

/// Whether the score says 1 (holds) or 0 of something that is checked.
bool is_pass_or_fail(Direction direction, Group group);

/// A value that something always gives, or says why not.
struct ScoreRow {
    const char* name;
    Direction direction;
    Group group = Group::other;
    const char* defined_by = "";
};

Score score(const ScoreRow& row, double value);
Score score(std::string metric, double value, Direction direction, Group group);
Score not_applicable(const ScoreRow& row, std::string reason);

/// The rows without values, for a point or a dataset that has none.
std::vector<Score> not_applicable(std::span<const ScoreRow> rows, const std::string& reason);

/// Thrown by a method that does not apply to its data: the point is done, and none of its rows has a value.
struct NotApplicable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline constexpr const char* needs_two_batches = "needs at least two batches, the dataset has one";

}  // namespace bcbench
