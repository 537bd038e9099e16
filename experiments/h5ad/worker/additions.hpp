// Embeddings and results, written into a copy by the worker.
#pragma once

#include <nlohmann/json.hpp>

#include "experiments/h5ad/transport.hpp"
#include "experiments/h5ad/worker/hdf.hpp"

namespace bcbench::h5ad {

/// Adds to an open copy: question["embeddings"] = [{"key", "n_columns", "values"}], float32, question["n_cells"] rows
/// each, into obsm; question["unstructured"] into uns as "bcbench". question["rows"] says which cells the rows belong
/// to (null: all in order); the others become NaN. Returns {"written": true}. Throws FileFault.
nlohmann::json add_to(const File& file, const nlohmann::json& question, const Inbox& enclosed);

}  // namespace bcbench::h5ad
