// How rows of labels find the cells that they belong to, where both have names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// Where two lists of rows belong together by their place but both name the same cells in another order: "cell 2 is 'b'
/// there and 'a' here". Empty: not so.
std::string order_fault(const std::vector<std::string>& there, const std::vector<std::string>& here);

struct NameMatch {
    std::vector<std::size_t> rows;  // [n] the row of each cell; empty: each row stands at the place of its cell
    std::string fault;              // why rows and cells are not one for one; empty: they are
};

/// The row of each cell by its name. Where not one row has the name of a cell the rows do not name them, and stand in
/// the order of the cells. Names that are missing, too many or there twice are a fault, told with counts and examples.
NameMatch match_names(const std::vector<std::string>& cells, const std::vector<std::string>& rows);

/// The labels at `places`, numbered in order of first appearance there.
Labels labels_at(const Labels& labels, const std::vector<std::size_t>& places);

}  // namespace bcbench
