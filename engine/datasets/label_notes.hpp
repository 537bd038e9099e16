// What a reader should know of the labels of a dataset before believing a table of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// Whether most batches have fewer than 3 cells, or there are more than a tenth as many batches as cells: a column of
/// barcodes, say.
bool batches_look_wrong(const Labels& batch);

/// One sentence each for batches that look wrong, for each column in which two labels are one number or one word in two
/// spellings ("1" and "1.0", "A " and "A") and count as two, and for types that are kept unlabelled. Nothing for a
/// dataset whose columns have no names.
template <class Real>
std::vector<std::string> notes_on_labels(const Dataset<Real>& data);

/// A sentence that names those of `columns`, each with its number of labels, that may be the batches of `n_cells`
/// cells: from 2 labels to a tenth as many as cells. `file` is named without its folder. "" if there is none.
std::string better_columns(const std::string& file, const std::vector<std::pair<std::string, std::size_t>>& columns,
                           std::size_t n_cells);

}  // namespace bcbench
