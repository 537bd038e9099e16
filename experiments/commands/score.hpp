// bcbench score
#pragma once

#include <string>
#include <vector>

#include "experiments/commands/score_input.hpp"

namespace CLI {
class App;
}

namespace bcbench {

struct ScoreArguments {
    ScoreFiles files;
    std::string batch;  // as given; ScoreFiles has whether they were
    std::string type;
    std::string preset;
    std::vector<std::string> metrics;
    std::string format = "table";
    std::string precision = "float64";
    std::string per_cell;  // a file to be written; empty: none
    bool quiet = false;
};

void add_score_options(CLI::App& command, ScoreArguments& arguments);

/// Scores, prints to stdout and returns the exit code.
int score_command(const CLI::App& command, ScoreArguments arguments);

}  // namespace bcbench
