// The course of every metric over the results of several commits, and the commit where it changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/compare/compare.hpp"

namespace bcbench {

/// A value that differs beyond the tolerance from that of the turn before it (or the first), does not compare with it,
/// is gone, or is back.
struct Turn {
    std::size_t run = 0;  // the first run with the new value
    Change change = Change::same;
};

struct Series {
    std::string point;
    std::string metric;
    Direction direction = Direction::info;
    std::vector<std::optional<double>> values;  // one per run
    std::vector<Turn> turns;
};

struct ExperimentHistory {
    std::string name;
    std::vector<StoredResults> runs;  // oldest first, without points and times
    std::vector<Series> series;       // in the order of their first appearance
};

/// Results of any number of experiments, sorted by name and by the start of the runs.
std::vector<ExperimentHistory> make_history(std::vector<StoredResults> results, const std::string& only);

/// `format` is text, json, csv or md; `all`: also series that never changed.
std::string history_output(const std::vector<ExperimentHistory>& history, const std::string& format, bool all);

/// One character per value, from lowest to highest; a dot where there is none.
std::string sparkline(const std::vector<std::optional<double>>& values);

}  // namespace bcbench
