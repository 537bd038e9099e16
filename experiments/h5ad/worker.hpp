// The process in which the HDF5 library runs.
#pragma once

#include <optional>

namespace bcbench::h5ad {

/// If the program was started as a worker (its one argument says so), answers the question it was given and returns the
/// exit code; otherwise does nothing. Call it first in main, and return what it returns.
std::optional<int> worker_main(int argc, char** argv);

}  // namespace bcbench::h5ad
