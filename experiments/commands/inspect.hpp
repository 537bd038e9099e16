// bcbench inspect: what is in a data file, and a config that runs on it.
#pragma once

#include <string>

namespace bcbench {

/// For an .h5ad file, a CSV or TSV file, a .npy file, a Matrix Market file or a 10x folder. Throws DataError for what
/// cannot be read.
std::string inspect_text(const std::string& file);

}  // namespace bcbench
