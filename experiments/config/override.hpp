// Changes of a config from the command line: --set methods.Harmony.params.sigma=0.2
#pragma once

#include <string>

#include "experiments/text/json_reader.hpp"

namespace bcbench {

/// Applies `path=value` to the JSON of a config before it is checked. The path is made of keys joined by
/// dots; a dataset or method is addressed by its label, which may itself hold dots. The value is read as
/// JSON, or else as text. `seed` replaces `seeds` and the other way round. Throws ConfigError if the path
/// leads nowhere.
void apply_override(OrderedJson& config, const std::string& assignment);

}  // namespace bcbench
