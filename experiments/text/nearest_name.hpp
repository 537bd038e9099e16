// The name that was most likely meant.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bcbench {

/// Of `known`, the name nearest to `name` by edit distance, if it is near enough to be a likely typo.
std::optional<std::string> nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace bcbench
