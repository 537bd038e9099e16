// What `bcbench score` reads: an embedding and the labels of its cells, from files of several kinds.
#pragma once

#include <optional>
#include <string>

#include "engine/core/types.hpp"

namespace bcbench {

struct ScoreFiles {
    std::string embedding;                    // .npy, CSV or TSV, or .h5ad, which ":obsm/KEY" may follow
    std::string metadata;                     // CSV or TSV, or .h5ad; empty: the .h5ad file of the embedding
    std::string before;                       // as `embedding`: the same cells uncorrected; empty: not known
    std::optional<std::string> batch_column;  // none: "batch"; empty: all cells are one batch
    std::optional<std::string>
        type_column;                      // none: "cell_type", "celltype" or "type", if there is one; empty: no types
    std::string missing_types = "error";  // of cells without a type; or "keep": metrics on types leave them out
    unsigned threads = 1;
};

struct ScoreInput {
    Dataset<double> data;   // the embedding with its labels; batch and type are empty where they are not known
    Matrix<double> before;  // [G x n], or empty
    std::string batch_column;
    std::string type_column;
};

/// Reads the files. Throws DataError, FileError or std::invalid_argument: what is wrong, where, and what would be
/// right.
ScoreInput read_score_input(const ScoreFiles& files);

}  // namespace bcbench
