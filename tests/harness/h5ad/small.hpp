// How the tests of .h5ad files ask: through the built program, with a worker that may use little.
#pragma once

#include "experiments/h5ad/h5ad.hpp"
#include "tests/support/data_errors.hpp"
#include "tests/support/h5_file.hpp"
#include "tests/support/program.hpp"

namespace bcbench::testing {

inline H5adLimits small_limits() {
    H5adLimits limits;
    limits.memory = std::uint64_t{1} << 30;
    limits.stall_seconds = 20;
    limits.program = BCBENCH_PROGRAM;
    return limits;
}

inline H5adRequest small_request(const std::string& cells = "obsm/X_pca") {
    H5adRequest request;
    request.cells = cells;
    request.limits = small_limits();
    return request;
}

/// Reads the cells and the labels "donor" of a file; the message of the DataError it must be refused with, without the
/// file's name.
inline std::string refusal(const std::string& file, const std::string& cells = "obsm/X_pca",
                           const std::vector<std::string>& labels = {"donor"}) {
    H5adRequest request = small_request(cells);
    request.label_columns = labels;
    const std::string message = error_of([&] { read_h5ad<double>(file, request); });
    REQUIRE(message.substr(0, file.size() + 2) == file + ": ");
    return message.substr(file.size() + 2);
}

}  // namespace bcbench::testing
