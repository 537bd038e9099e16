// The files that a config names must be there before anything runs.
#pragma once

#include "experiments/config/config.hpp"

namespace bcbench {

/// Throws ConfigError with every data file and every model to load, swept or not, that is neither beside the config nor
/// in $BCBENCH_DATA.
void require_files(const Config& config);

/// Throws ConfigError naming every dataset whose files, where they are there, cannot be what the config says: a column
/// that their header does not have.
void require_columns(const Config& config);

}  // namespace bcbench
