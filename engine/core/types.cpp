#include "engine/core/types.hpp"

namespace bcbench {

std::vector<std::size_t> label_sizes(const Labels& labels) {
    std::vector<std::size_t> sizes(labels.count(), 0);
    for (const std::uint32_t code : labels.code) ++sizes.at(code);
    return sizes;
}

}  // namespace bcbench
