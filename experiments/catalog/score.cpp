#include "experiments/catalog/score.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace bcbench {

const char* name_of(Direction direction) {
    switch (direction) {
        case Direction::higher:
            return "higher";
        case Direction::lower:
            return "lower";
        case Direction::info:
            break;
    }
    return "info";
}

namespace {

constexpr std::array<const char*, 12> group_names = {"loss",      "iteration", "detail",    "mixing",
                                                     "means",     "biology",   "aggregate", "detail_of_metric",
                                                     "reference", "other",     "check",     "check_detail"};

}  // namespace

const char* name_of(Group group) { return group_names.at(static_cast<std::size_t>(group)); }

Group group_named(const std::string& name) {
    for (std::size_t i = 0; i < group_names.size(); ++i) {
        if (name == group_names[i]) return static_cast<Group>(i);
    }
    throw std::invalid_argument("unknown group '" + name + "'");
}

bool is_pass_or_fail(Direction direction, Group group) {
    return direction == Direction::higher && (group == Group::check || group == Group::check_detail);
}

Score score(const ScoreRow& row, double value) {
    Score made = score(row.name, value, row.direction, row.group);
    made.defined_by = row.defined_by;
    return made;
}

Score score(std::string metric, double value, Direction direction, Group group) {
    return {std::move(metric), value, direction, "", 1, group, ""};
}

Score not_applicable(const ScoreRow& row, std::string reason) {
    return {row.name, std::nullopt, row.direction, std::move(reason), 1, row.group, row.defined_by};
}

std::vector<Score> not_applicable(std::span<const ScoreRow> rows, const std::string& reason) {
    std::vector<Score> scores;
    for (const ScoreRow& row : rows) scores.push_back(not_applicable(row, reason));
    return scores;
}

}  // namespace bcbench
