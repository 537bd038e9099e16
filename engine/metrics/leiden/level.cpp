#include "engine/metrics/leiden/level.hpp"

#include <algorithm>
#include <limits>

namespace bcbench::leiden {

std::uint32_t renumber(Membership& membership) {
    constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t most = 0;
    for (const std::uint32_t cluster : membership) most = std::max(most, cluster);
    std::vector<std::uint32_t> number(std::size_t{most} + 1, unseen);
    std::uint32_t count = 0;
    for (std::uint32_t& cluster : membership) {
        if (number[cluster] == unseen) number[cluster] = count++;
        cluster = number[cluster];
    }
    return count;
}

ClusterNodes nodes_of_clusters(const Membership& membership, std::uint32_t n_clusters,
                               const std::vector<std::uint32_t>& order) {
    ClusterNodes nodes;
    nodes.start.assign(std::size_t{n_clusters} + 1, 0);
    for (const std::uint32_t cluster : membership) ++nodes.start[cluster + 1];
    for (std::size_t c = 0; c < n_clusters; ++c) nodes.start[c + 1] += nodes.start[c];
    nodes.node.resize(membership.size());
    std::vector<std::size_t> place(nodes.start.begin(), nodes.start.end() - 1);
    for (const std::uint32_t node : order) nodes.node[place[membership[node]]++] = node;
    return nodes;
}

}  // namespace bcbench::leiden
