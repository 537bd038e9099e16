// Counts as they are stored: only the entries that are not zero, cell after cell.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// A matrix [F x n] by its entries: those of cell i are `feature[j]`, `value[j]` for start[i] <= j < start[i + 1], by
/// ascending feature, each feature at most once. An entry may hold a zero.
template <class Real>
struct SparseCells {
    std::size_t n_features = 0;
    std::vector<std::uint64_t> start = {0};  // [n + 1]
    std::vector<std::uint32_t> feature;      // [entries]
    std::vector<Real> value;                 // [entries]

    std::size_t n_cells() const { return start.size() - 1; }
    std::size_t n_entries() const { return value.size(); }
};

/// The same with its zeros, [F x n].
template <class Real>
Matrix<Real> to_dense(const SparseCells<Real>& sparse);

/// The cells at `columns`, in that order; a cell may come twice. Throws std::invalid_argument for one that is not
/// there.
template <class Real>
SparseCells<Real> selected(const SparseCells<Real>& sparse, const std::vector<std::size_t>& columns);

/// Throws std::invalid_argument unless the arrays are as SparseCells says.
template <class Real>
void require_valid(const SparseCells<Real>& sparse);

}  // namespace bcbench
