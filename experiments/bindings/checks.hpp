// The table of checks: what a config may ask to be verified of every point, beside its metrics. The functions are in
// run/checks.
#pragma once

#include <span>
#include <string>

#include "experiments/catalog/score.hpp"

namespace bcbench {

struct CheckDefinition {
    const char* name;  // also the name of its row: 1 holds, 0 does not
    const char* summary;
    const char* notes;
    std::span<const ScoreRow> rows;  // the first is the check itself
};

std::span<const CheckDefinition> check_table();

const CheckDefinition& check_named(const std::string& name);

}  // namespace bcbench
