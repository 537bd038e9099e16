// Step 2 of MNN: who is whose nearest neighbour across two sets of cells.
#pragma once

#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::mnn {

/// Mutual nearest neighbours, by the cells of the second set.
struct MutualPairs {
    std::vector<std::uint32_t> member;  // [m] cells of the second set in pairs, ascending
    std::vector<std::size_t> offset;  // [m + 1] the partners of member[i] are partner[offset[i]] .. before offset[i+1]
    std::vector<std::uint32_t> partner;  // [pairs] cells of the first set, of each member the nearest first
    std::size_t n_first_members = 0;     // cells of the first set in pairs

    std::size_t count() const { return partner.size(); }
};

/// The pairs of cells of `first` [F x n] and `second` [F x m] that are among the `k` nearest of each other, or among
/// all of a set of fewer than `k`. There is at least one.
template <class Real>
MutualPairs mutual_pairs(const Matrix<Real>& first, const Matrix<Real>& second, std::size_t k);

}  // namespace bcbench::mnn
