#include "experiments/commands/cluster.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "experiments/cluster/merge.hpp"
#include "experiments/cluster/status.hpp"
#include "experiments/commands/command_line.hpp"
#include "experiments/results/terminal_report.hpp"
#include "experiments/system/clock.hpp"
#include "experiments/system/interrupt.hpp"

namespace bcbench {

namespace {

constexpr std::size_t most_names = 20;
constexpr double seconds_between_looks = 2.0;

// "missing: a, b and 3 more"; nothing for no names.
void print_names(const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::cerr << what << ": ";
    for (std::size_t i = 0; i < std::min(names.size(), most_names); ++i) std::cerr << (i > 0 ? ", " : "") << names[i];
    if (names.size() > most_names) std::cerr << " and " << names.size() - most_names << " more";
    std::cerr << '\n';
}

}  // namespace

void add_merge_options(CLI::App& command, MergeArguments& arguments) {
    command.add_option("directories", arguments.directories, "results directories of one config")->required();
    command.add_option("--out", arguments.out, "where the joined results go; what is there already takes part")
        ->type_name("DIR")
        ->required();
    command.add_option("--on-conflict", arguments.on_conflict, "where directories have different values of a point")
        ->check(CLI::IsMember({"refuse", "first", "last"}))
        ->capture_default_str();
    command.add_flag("--allow-mixed", arguments.allow_mixed,
                     "also results of different programs or kinds of machines, whose last bits may differ");
    command.add_option("--threads", arguments.threads, "threads; results do not depend on it")
        ->check(CLI::Range(1U, 1024U))
        ->capture_default_str();
    command.add_flag("--quiet", arguments.quiet, "no tables");
    command.add_flag("--all", arguments.every_seed, "tables with a row for each seed, not mean ± sd over seeds");
}

void add_status_options(CLI::App& command, StatusArguments& arguments) {
    command.add_option("directories", arguments.directories, "results directories of one config")->required();
    command.add_flag("--watch", arguments.watch, "look again every two seconds until nothing is running or missing");
}

int merge_command(const MergeArguments& arguments) {
    MergeOptions options;
    options.sources.assign(arguments.directories.begin(), arguments.directories.end());
    options.directory = arguments.out;
    options.allow_mixed = arguments.allow_mixed;
    options.threads = arguments.threads;
    options.on_conflict = arguments.on_conflict == "first"  ? OnConflict::first
                          : arguments.on_conflict == "last" ? OnConflict::last
                                                            : OnConflict::refuse;
    const MergeResult merged = merge_results(options);
    const RunSummary& summary = merged.summary;
    if (!arguments.quiet) {
        std::cout << terminal_report(merged.plan->config(), merged.records, merged.plan->base_points(),
                                     summary.comparisons, arguments.every_seed)
                  << std::flush;
    }
    for (const std::string& note : merged.notes) std::cerr << "note: " << note << '\n';
    std::vector<std::string> failed;
    for (const PointRecord& record : merged.records)
        if (record.status == PointStatus::failed) failed.push_back(record.id);
    print_names("failed", failed);
    print_names("missing", merged.missing);
    std::fprintf(stderr,
                 "%llu of %llu points ok, %llu skipped, %zu failed, %zu missing, %llu in several directories; "
                 "results in %s\n",
                 static_cast<unsigned long long>(summary.ok), static_cast<unsigned long long>(summary.expected),
                 static_cast<unsigned long long>(summary.skipped), failed.size(), merged.missing.size(),
                 static_cast<unsigned long long>(merged.duplicates), arguments.out.c_str());
    return exit_code_of(summary);
}

int status_command(const StatusArguments& arguments) {
    const std::vector<std::filesystem::path> directories(arguments.directories.begin(), arguments.directories.end());
    const InterruptGuard guard;
    const bool rewrites = isatty(STDOUT_FILENO) == 1;
    Status status = status_of(directories);
    std::string printed;
    while (arguments.watch && status.running + status.missing > 0 && !is_interrupted() && std::cout.good()) {
        if (status.text() != printed)
            std::cout << (rewrites ? "\r\033[K" : "") << status.text() << (rewrites ? "" : "\n");
        std::cout << std::flush;
        printed = status.text();
        wait_seconds(seconds_between_looks);
        status = status_of(directories);
    }
    if (status.text() != printed) std::cout << (rewrites && arguments.watch ? "\r\033[K" : "") << status.text();
    std::cout << '\n' << std::flush;
    print_names("failed", status.failed);
    return status.done == status.expected ? exit_ok : exit_incomplete;
}

}  // namespace bcbench
