// Matrices stored as compressed rows (csr) or columns (csc). Used by the worker only.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "experiments/h5ad/transport.hpp"
#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

/// "csr" or "csc", if the group says that it is such a matrix.
std::optional<std::string> sparse_format(const File& file, const std::string& group);

/// Rows and columns of such a matrix. Throws FileFault if the shape is missing or negative.
std::array<std::uint64_t, 2> sparse_shape(const File& file, const std::string& group);

/// Reads it as read_matrix says. Throws FileFault unless its arrays fit together and each entry stands once.
nlohmann::json read_sparse(const File& file, const std::string& group, const std::string& format, std::uint64_t n_cells,
                           std::uint64_t n_features, Outbox& outbox);

}  // namespace bcbench::h5ad
