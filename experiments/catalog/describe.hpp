// What exists and what its parameters mean, for `list` and `describe`: as text, wrapped at 100 columns, and as JSON.
#pragma once

#include <string>

#include "experiments/catalog/catalog.hpp"

namespace bcbench {

/// Names with summaries of one kind ("datasets", "methods", "metrics" or "checks"), or of all for "".
/// Throws std::invalid_argument for another kind.
std::string list_text(const Catalog& catalog, const std::string& kind = "");

/// Everything known about the entries called `name`, of whatever kind: notes, parameters and training keys.
/// Throws std::invalid_argument, with the nearest name, if there is none.
std::string describe_text(const Catalog& catalog, const std::string& name);

/// The same as JSON, one object a line: {"kind", "name", "summary"}, and for `describe` also {"notes", "parameters",
/// "training", "values"}.
std::string list_json(const Catalog& catalog, const std::string& kind = "");
std::string describe_json(const Catalog& catalog, const std::string& name);

}  // namespace bcbench
