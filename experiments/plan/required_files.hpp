// The files that a config names must be there before anything runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiments/config/config.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

/// Throws ConfigError with every data file and every model to load, swept or not, that is neither beside the config nor
/// in $BCBENCH_DATA.
void require_files(const Config& config);

/// Throws ConfigError naming every dataset whose files, where they are there, cannot be what the config says: a column
/// that their header does not have.
void require_columns(const Config& config);

/// A file that a point reads.
struct NeededFile {
    std::string name;                           // as the config names it
    std::optional<std::filesystem::path> path;  // where it is; nothing: not there
};

/// The data files of the point, and the model that it loads.
std::vector<NeededFile> needed_files(const Point& point, const Config& config);

/// Throws ConfigError if `outputs.h5ad` asks for files that no dataset of the config has.
void require_ways_back(const Config& config);

}  // namespace bcbench
