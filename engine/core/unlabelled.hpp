// Cells that are kept although they have no type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// The label of such cells. Metrics on types leave these cells out.
inline constexpr const char* unlabelled_name = "(unlabelled)";

/// How many cells have it.
inline std::size_t count_unlabelled(const Labels& labels) {
    const auto found = std::find(labels.names.begin(), labels.names.end(), unlabelled_name);
    const auto code = static_cast<std::uint32_t>(found - labels.names.begin());
    return static_cast<std::size_t>(std::count(labels.code.begin(), labels.code.end(), code));
}

/// The cells that have another.
inline std::vector<std::uint32_t> labelled_cells(const Labels& labels) {
    std::vector<std::uint32_t> cells;
    for (std::uint32_t i = 0; i < labels.code.size(); ++i) {
        if (labels.names[labels.code[i]] != unlabelled_name) cells.push_back(i);
    }
    return cells;
}

}  // namespace bcbench
