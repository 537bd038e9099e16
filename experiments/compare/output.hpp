// A comparison as people read it, and as programs do (results/README.md, section "compare").
#pragma once

#include <string>

#include "experiments/compare/compare.hpp"

namespace bcbench {

struct CompareFormat {
    std::string name = "text";  // text, json, csv or md
    bool all = false;           // also what is the same
    bool colors = false;        // text only
};

/// The report in the format asked for; throws std::invalid_argument for an unknown one.
std::string compare_output(const CompareReport& report, const CompareOptions& options, const CompareFormat& format);

/// "good", "regression", "points failed or missing" or "not comparable", for an exit code.
const char* name_of(Verdict verdict);

std::string compare_text(const CompareReport& report, const CompareOptions& options, const CompareFormat& format);
std::string compare_markdown(const CompareReport& report, const CompareOptions& options, const CompareFormat& format);
std::string compare_json(const CompareReport& report, const CompareFormat& format);
std::string compare_csv(const CompareReport& report, const CompareFormat& format);

/// What a format shows of a report: everything, or only what is not the same; indices, most alarming first.
std::vector<const ValueChange*> shown_values(const CompareReport& report, bool all);
std::vector<const SeedsChange*> shown_seeds(const CompareReport& report, bool all);
std::vector<const TimeChange*> shown_times(const CompareReport& report, bool all);

/// "132 values: 2 worse, 130 same": how many there are of each status; values that decide together over
/// seeds count with the status of their mean.
std::string counts_text(const CompareReport& report);

/// What a change of a time is called: "slower", "faster", "too few repeats".
const char* time_name_of(Change change);

}  // namespace bcbench
