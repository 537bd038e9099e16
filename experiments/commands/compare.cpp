#include "experiments/commands/compare.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "experiments/commands/command_line.hpp"
#include "experiments/compare/history.hpp"
#include "experiments/compare/output.hpp"

namespace bcbench {

namespace {

bool colors_wanted() {
    const char* const no_color = std::getenv("NO_COLOR");
    const char* const terminal = std::getenv("TERM");
    if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
    return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

// results/* also matches files and directories of other kinds
std::vector<std::string> results_directories(const std::vector<std::string>& paths) {
    std::vector<std::string> directories;
    for (const std::string& path : paths) {
        if (!std::filesystem::exists(path)) throw std::invalid_argument(path + " does not exist");
        if (is_results_directory(path)) {
            directories.push_back(path);
        } else {
            std::cerr << "bcbench: note: " << path << " is no results directory\n";
        }
    }
    if (directories.empty()) throw std::invalid_argument("none of these is a results directory");
    return directories;
}

int print_history(const CompareArguments& arguments) {
    std::vector<StoredResults> results;
    for (const std::string& directory : results_directories(arguments.directories))
        results.push_back(read_results(directory));
    const std::vector<ExperimentHistory> history = make_history(std::move(results), arguments.only);
    std::cout << history_output(history, arguments.format, arguments.all);
    const bool is_empty = std::all_of(history.begin(), history.end(),
                                      [](const ExperimentHistory& experiment) { return experiment.series.empty(); });
    if (!is_empty) return exit_ok;
    std::cerr << "bcbench: there is no point to compare\n";
    return exit_not_comparable;
}

}  // namespace

void add_compare_options(CLI::App& command, CompareArguments& arguments) {
    command
        .add_option(
            "directories", arguments.directories,
            "two results directories, BASE and CANDIDATE; with --history any number, among which others are skipped")
        ->type_name("DIR")
        ->required();
    command.add_flag("--all", arguments.all, "show also what is the same, and each seed of several by itself");
    command.add_option("--only", arguments.only, "only points whose id matches GLOB (several, separated by commas)")
        ->type_name("GLOB");
    command.add_option("--format", arguments.format, "form of the output")
        ->check(CLI::IsMember({"text", "json", "csv", "md"}))
        ->capture_default_str();
    command.add_flag("--times", arguments.times, "slower times of the stages fit and gradient count as regressions");
    command.add_option("--time-factor", arguments.time_factor, "a change of a time by less than this factor is none")
        ->check(CLI::Range(1.0, 1e6))
        ->capture_default_str();
    command.add_flag("--history", arguments.history,
                     "the course of every metric over the directories, and the commit where it changed");
    command.footer(
        "Exit codes: 0 good, 1 a regression, 2 usage, 3 points failed or missing in the candidate, 4 not "
        "comparable.");
}

int compare_command(const CompareArguments& arguments) {
    if (arguments.history) return print_history(arguments);
    if (arguments.directories.size() != 2) {
        throw std::invalid_argument("compare takes two results directories, BASE and CANDIDATE; " +
                                    std::to_string(arguments.directories.size()) + " given");
    }
    const CompareOptions options{arguments.only, arguments.times, arguments.time_factor};
    const CompareReport report =
        compare_results(read_results(arguments.directories[0]), read_results(arguments.directories[1]), options);
    std::cout << compare_output(report, options, {arguments.format, arguments.all, colors_wanted()}) << std::flush;
    return report.exit_code();
}

}  // namespace bcbench
