// The tables of one dataset on the terminal: the data, then what each method made of them.
#pragma once

#include <string>

#include "experiments/results/report_rows.hpp"

namespace bcbench::report {

/// `base` are the points that stand for their methods, at least one.
std::string dataset_text(const Records& base, bool every_seed);

}  // namespace bcbench::report
