// Running an experiment: every point of a plan, resumed where possible, into a results directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/plan/plan.hpp"
#include "experiments/plan/selection.hpp"
#include "experiments/results/expected.hpp"
#include "experiments/results/record.hpp"

namespace bcbench {

struct RunOptions {
    std::filesystem::path directory;
    Selection selection;     // of the plan's points
    MeasuredCosts measured;  // what earlier points took, for the balance of shards
    bool fresh = false;      // compute every point again, whatever is there
    /// Other processes work in the directory too: seconds without a sign of life until one counts as dead.
    std::optional<double> cooperate;
    bool quiet = false;    // no progress
    bool profile = false;  // the summary says where the time went
    bool stop_on_error = false;
    bool overridden = false;  // the config is not as it stands in its file: nothing is expected of it
    unsigned jobs = 1;        // points in parallel
    unsigned threads = 1;     // threads of the engine, over all jobs
};

struct RunSummary {
    std::uint64_t expected = 0;  // points selected
    std::uint64_t ok = 0;
    std::uint64_t skipped = 0;
    std::uint64_t failed = 0;
    std::uint64_t resumed = 0;  // of the above, taken from an earlier run
    std::uint64_t failed_checks = 0;
    bool interrupted = false;
    bool stuck = false;                    // threads that were given up still run: end the process without waiting
    std::string profile;                   // a table, if asked for
    std::vector<std::string> not_written;  // files of outputs.h5ad, a sentence each
    std::vector<Comparison> comparisons;   // with the expected values, if the config names some

    std::uint64_t missing() const { return expected - ok - skipped - failed; }
    bool complete() const { return missing() == 0 && failed == 0 && not_written.empty(); }
};

/// Runs the selected points and writes the results directory (results/README.md says what is in it).
/// Throws ConfigError if a data file is missing or the points are too many, FileError if the directory cannot
/// be used or the disk is full; points finished until then are kept and not computed again. Throws AddressSpaceError,
/// before anything is written, if its threads have no room. After SIGINT, SIGTERM
/// or SIGHUP it stops and writes the tables of what is finished. `records` receives the finished points in the
/// order of the plan.
RunSummary run_experiment(const Plan& plan, const RunOptions& options, std::vector<PointRecord>& records);

/// What is expected of the selected points, of all that is `expected`: the others are not missing.
std::vector<ExpectedValue> expected_of_selection(const Plan& plan, const std::vector<std::uint64_t>& indices,
                                                 std::vector<ExpectedValue> expected);

}  // namespace bcbench
