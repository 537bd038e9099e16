// The command line of bcbench: what each command takes, prints and returns.
#pragma once

namespace bcbench {

/// Exit codes of the program.
enum ExitCode : int {
    exit_ok = 0,
    exit_regression = 1,  // a regression or a failed check
    exit_usage = 2,       // usage, config or files that cannot be used
    exit_incomplete = 3,  // some points failed or are missing
    exit_not_comparable = 4
};

struct RunSummary;

/// What a run, or a merge of runs, ends with.
int exit_code_of(const RunSummary& summary);

/// Parses the arguments, runs the command and returns the exit code. Results go to stdout, diagnostics to stderr.
int run_command_line(int argc, char** argv);

}  // namespace bcbench
