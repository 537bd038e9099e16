// Messages about names that do not exist.
#pragma once

#include <string>
#include <vector>

namespace bcbench {

/// `there is no metric "mean_shft"; did you mean "mean_shift"? Known: ...`
std::string unknown_name(const std::string& kind, const std::string& name, const std::vector<std::string>& known);

}  // namespace bcbench
