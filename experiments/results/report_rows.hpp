// What the tables of the terminal share: their rows, the labels of these, and their numbers.
#pragma once

#include <string>
#include <vector>

#include "experiments/results/record.hpp"

namespace bcbench::report {

using Records = std::vector<const PointRecord*>;

/// `value` by the printf `format`, with an exponent from a million on.
std::string fixed(double value, const char* format = "%.4f");

/// The line above a table.
std::string heading(const std::string& title);

// Which table a value stands in.
bool is_loss(const Score& score);
bool is_mean(const Score& score);
bool is_mixing(const Score& score);
bool is_check(const Score& score);
bool is_other(const Score& score);

/// Names of the metrics that are `wanted`, in order of their first appearance.
std::vector<std::string> metrics_where(const Records& records, bool (*wanted)(const Score&));

/// Points that are one row of a table: one point, or those that differ in the method's seed alone.
struct Row {
    std::string label;
    Records records;
};
std::vector<Row> rows_of(const Records& records, bool every_seed);

/// Mean and standard deviation over seeds in one notation: "0.2340 ± 0.0012"; of one seed its value.
std::string mean_and_sd(const std::vector<double>& values, const char* format = "%.4f");

/// "0.2340"; "n/a" where the value does not apply, of several seeds to one of them; "" where there is no such value.
std::string cell(const Row& row, const std::string& metric);

/// The table of methods by metrics.
std::string metric_table_text(const Records& records, const std::vector<std::string>& metrics, bool every_seed);

/// Names the points whose values look their best because nothing is left of the cells.
std::string collapse_note(const Records& records);

}  // namespace bcbench::report
