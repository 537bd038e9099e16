// Corrected cells that somebody else has computed, in a file.
#pragma once

#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::external {

struct EmbeddingFile {
    arma::mat cells;  // [F' x n], in the order of the dataset
    std::vector<std::string> notes;
};

/// Reads .npy (n x F'), or CSV or TSV, plain or .gz: a header, a row per cell, the first column may name the cells.
/// Named cells are put in the order of `names`, the dataset's, all of which must be there. Throws DataError.
EmbeddingFile read_embedding_file(const std::string& path, const std::vector<std::string>& names, std::size_t n_cells);

}  // namespace bcbench::external
