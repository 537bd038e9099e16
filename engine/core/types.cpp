#include "engine/core/types.hpp"

#include <algorithm>

namespace bcbench {

std::vector<std::size_t> label_sizes(const Labels& labels) {
    std::vector<std::size_t> sizes(labels.count(), 0);
    for (const std::uint32_t code : labels.code) ++sizes.at(code);
    return sizes;
}

std::size_t labels_with_cells(const Labels& labels) {
    const std::vector<std::size_t> sizes = label_sizes(labels);
    return labels.count() - static_cast<std::size_t>(std::count(sizes.begin(), sizes.end(), 0U));
}

}  // namespace bcbench
