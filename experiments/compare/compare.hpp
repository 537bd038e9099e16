// Two results directories against each other, value by value: what became better, worse, missing, or cannot
// be compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/results/reader.hpp"

namespace bcbench {

/// What became of a value, a mean over seeds, or a time. In order of alarm.
enum class Change {
    worse,           // beyond the tolerance, in the bad direction; of a time: slower
    newly_failing,   // had a value, now fails, is not applicable or not finite
    missing,         // was there, is not now
    changed,         // beyond the tolerance, of a value without a good direction
    not_comparable,  // other data, parameters or definition
    undecided,       // differs from seed to seed, without a clear direction; of a time: too few repeats to say
    still_failing,   // fails in both
    better,          // of a time: faster
    fixed,           // failed or had no value, now has one
    added,           // "new": was not there
    within_tolerance,
    same
};

const char* name_of(Change change);
constexpr std::size_t n_changes = static_cast<std::size_t>(Change::same) + 1;

/// One value of one point; `metric` is empty where the point as a whole is meant.
struct ValueChange {
    std::string point;
    std::string metric;
    Change change = Change::same;
    Direction direction = Direction::info;
    Group metric_group = Group::other;
    std::string seed_group;  // the point without its seeds; the point's own id where it lists none
    std::optional<double> base;
    std::optional<double> candidate;
    double tolerance = 0.0;                 // accepted absolute difference
    std::string reason;                     // why not comparable, failing, missing
    std::optional<std::size_t> over_seeds;  // index of the SeedsChange that decides instead of this value

    std::optional<double> difference() const;
};

/// The same metric of points that differ in their seeds alone (three or more), paired by seed.
struct SeedsChange {
    std::string group;  // the id without seeds
    std::string metric;
    Change change = Change::same;
    Direction direction = Direction::info;
    std::size_t n = 0;
    double base_mean = 0.0;
    double candidate_mean = 0.0;
    double difference = 0.0;  // candidate - base, with its 95 % confidence interval
    double low = 0.0;
    double high = 0.0;
    double p = 1.0;
    double p_holm = 1.0;  // corrected for the number of groups that differ
    std::string reason;   // what decided
};

struct TimeChange {
    std::string point;
    std::string stage;
    Change change = Change::same;
    std::size_t n_base = 0;
    std::size_t n_candidate = 0;
    double ratio = 1.0;  // candidate / base, with its 95 % confidence interval
    double low = 0.0;
    double high = 0.0;
    double p = 1.0;  // Mann-Whitney
    double p_holm = 1.0;
    std::string reason;
};

struct CompareOptions {
    std::string only;          // pattern on point ids; empty: all
    bool times = false;        // slower times count as regressions
    double time_factor = 1.1;  // slower or faster by less is no change
};

/// What a comparison says as a whole; the numbers are the exit codes of the command.
enum class Verdict : int { good = 0, regression = 1, incomplete = 3, not_comparable = 4 };

struct CompareReport {
    StoredResults base;  // without points and times
    StoredResults candidate;
    bool identical = false;           // metrics.csv byte for byte
    std::vector<ValueChange> values;  // most alarming first, then in the order of the base
    std::vector<SeedsChange> seeds;
    std::vector<TimeChange> times;
    std::vector<std::string> notes;
    Verdict verdict = Verdict::good;

    int exit_code() const { return static_cast<int>(verdict); }
};

CompareReport compare_results(StoredResults base, StoredResults candidate, const CompareOptions& options);

/// The tolerance of a metric's difference to `base`: as the config says for the metric or, without its
/// parameters in parentheses, for its type; else round-off, 1e-12 and 1e-9 of the value (float32: 1e-7 and 1e-5),
/// and for gradient_max_relative_error and gradient_decisive_error 1e-6.
double tolerance_of(const StoredResults& results, const std::string& metric, const std::string& precision, double base);

/// `candidate` against `base`: same, within tolerance, better, worse, or changed if there is no good
/// direction.
Change judge(double base, double candidate, Direction direction, double tolerance);

/// Why the numbers of a point answer different questions in both, or nothing. A parameter that only one of them
/// has came with a newer program, whose default leaves the old computation as it was.
std::string why_not_comparable(const StoredPoint& base, const StoredPoint& candidate);

/// Why the values of a metric are of different definitions in both, or nothing.
std::string why_other_definition(const StoredValue& base, const StoredValue& candidate);

// The steps of compare_results.
std::vector<ValueChange> compare_values(const StoredResults& base, const StoredResults& candidate,
                                        const std::string& only);
std::vector<SeedsChange> compare_over_seeds(std::vector<ValueChange>& values);
std::vector<TimeChange> compare_times(const StoredResults& base, const StoredResults& candidate,
                                      const CompareOptions& options);

}  // namespace bcbench
