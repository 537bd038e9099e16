// Datasets without the cells that have no type.
#pragma once

#include <string>
#include <vector>

#include "engine/core/sparse.hpp"
#include "engine/core/types.hpp"

namespace bcbench {

/// Takes out the cells whose type is unlabelled_name, here and in `sparse`, which has the cells where `data` has [0 x
/// n]; labels are numbered anew, in order of first appearance. `notes` receives how many there were. Throws DataError
/// if none is left.
void drop_unlabelled(Dataset<double>& data, SparseCells<double>* sparse, std::vector<std::string>* notes);

}  // namespace bcbench
