#include "experiments/catalog/score.hpp"

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

Score score(std::string metric, double value, Direction direction) {
    return {std::move(metric), value, direction, "", 1};
}

Score not_applicable(std::string metric, Direction direction, std::string reason) {
    return {std::move(metric), std::nullopt, direction, std::move(reason), 1};
}

std::vector<Score> not_applicable(std::span<const ScoreRow> rows, const std::string& reason) {
    std::vector<Score> scores;
    for (const ScoreRow& row : rows) scores.push_back(not_applicable(row.name, row.direction, reason));
    return scores;
}

}  // namespace bcbench
