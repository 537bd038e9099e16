#include "engine/metrics/mixing_ceiling.hpp"

#include <vector>

#include "engine/core/checkpoint.hpp"
#include "engine/core/random.hpp"
#include "engine/metrics/batch_mixing_entropy.hpp"

namespace bcbench {

namespace {

// The cells of each type, in order; all cells if there are no types.
std::vector<std::vector<std::uint32_t>> cells_by_type(const Labels& type, std::size_t n_cells) {
    std::vector<std::vector<std::uint32_t>> groups(type.empty() ? 1 : type.count());
    for (std::uint32_t i = 0; i < n_cells; ++i) groups[type.empty() ? 0 : type.code[i]].push_back(i);
    return groups;
}

}  // namespace

double mixing_ceiling(const NeighborsView& neighbors, const Labels& batch, const Labels& type,
                      std::uint32_t n_permutations, std::uint64_t seed, const Ties& ties) {
    const auto groups = cells_by_type(type, batch.code.size());
    Stream stream(seed);
    double sum = 0.0;
    Labels permuted = batch;
    for (std::uint32_t p = 0; p < n_permutations; ++p) {
        checkpoint();
        for (const std::vector<std::uint32_t>& group : groups) {
            const std::vector<std::uint32_t> order =
                permutation(stream.next(), static_cast<std::uint32_t>(group.size()));
            for (std::size_t i = 0; i < group.size(); ++i) permuted.code[group[i]] = batch.code[group[order[i]]];
        }
        sum += batch_mixing_entropy(neighbors, permuted, ties);
    }
    return sum / n_permutations;
}

}  // namespace bcbench
