// Several files as the batches of one dataset.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/sparse.hpp"
#include "engine/core/types.hpp"

namespace bcbench {

/// One file: its cells, dense in `data` or sparse. Batches, types and further columns are those of `data`.
struct JoinPart {
    std::string name;  // of the file, for messages
    Dataset<double> data;
    std::optional<SparseCells<double>> sparse;  // [F x n]
};

/// All cells, part after part; sparse if all parts are.
struct Joined {
    Dataset<double> data;
    std::optional<SparseCells<double>> sparse;
};

/// Joins on the names of the features: those that all parts have, in the order of the first. Parts without names must
/// have equally many features. Labels with the same name are the same label; names of cells get "-" and the name of
/// their batch. Throws DataError if a part names a feature twice, or if no feature is in all of them.
Joined join_parts(std::vector<JoinPart> parts);

}  // namespace bcbench
