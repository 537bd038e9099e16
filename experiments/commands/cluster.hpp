// `bcbench merge` and `bcbench status`: one plan over several processes or machines.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace bcbench {

struct MergeArguments {
    std::vector<std::string> directories;
    std::string out;
    std::string on_conflict = "refuse";
    bool allow_mixed = false;
    unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    bool quiet = false;
    bool every_seed = false;
};

struct StatusArguments {
    std::vector<std::string> directories;
    bool watch = false;
};

void add_merge_options(CLI::App& command, MergeArguments& arguments);
void add_status_options(CLI::App& command, StatusArguments& arguments);

int merge_command(const MergeArguments& arguments);
int status_command(const StatusArguments& arguments);

}  // namespace bcbench
