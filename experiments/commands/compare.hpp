// bcbench compare
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bcbench {

struct CompareArguments {
    std::vector<std::string> directories;
    std::string format = "text";
    std::string only;
    double time_factor = 1.1;
    bool all = false;
    bool times = false;
    bool history = false;
};

void add_compare_options(CLI::App& command, CompareArguments& arguments);

/// Compares, prints to stdout and returns the exit code.
int compare_command(const CompareArguments& arguments);

}  // namespace bcbench
