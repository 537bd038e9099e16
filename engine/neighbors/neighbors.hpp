// Exact k nearest neighbours under the Euclidean distance.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

struct Neighbors {
    arma::Mat<std::uint32_t> index;   // [k x n] nearest first, the cell itself excluded, ties by lower index
    Matrix<double> squared_distance;  // [k x n] sum over features, in order, of (x - y)^2 in double
};

/// The nearest rows of Neighbors, without a copy; the Neighbors must outlive it.
class NeighborsView {
  public:
    /// All rows. Implicit, so that Neighbors can be given where a view is wanted.
    NeighborsView(const Neighbors& neighbors) : NeighborsView(neighbors, neighbors.index.n_rows) {}
    /// The first `k` rows; std::invalid_argument if there are fewer.
    NeighborsView(const Neighbors& neighbors, arma::uword k);

    /// The first min(k, n - 1) rows: where there are fewer cells than neighbours wanted, all other cells are
    /// neighbours. std::invalid_argument if the view has fewer rows than that.
    NeighborsView nearest(arma::uword k) const;

    arma::uword k() const { return k_; }  // others of each cell
    arma::uword n_cells() const { return neighbors_->index.n_cols; }
    const std::uint32_t* index(arma::uword cell) const { return neighbors_->index.colptr(cell); }  // [k]
    const double* squared_distance(arma::uword cell) const {                                       // [k]
        return neighbors_->squared_distance.colptr(cell);
    }

  private:
    const Neighbors* neighbors_;
    arma::uword k_;
};

/// How many cells have another cell at distance 0, of which the nearest comes first.
arma::uword cells_with_duplicates(const NeighborsView& neighbors);

/// The `k` nearest other cells of every cell of `cells` [F x n]. Distances are those of the double
/// differences, so that near-duplicates far from the origin are told apart. Every pair of cells meets at most
/// once: tiles of cells that are too far apart are skipped (neighbors_tiles.hpp), an integer bound throws out
/// nearly all other pairs (neighbors_filter.hpp), and the distances of the rest are computed as defined. The
/// result does not depend on the number of threads. Time is O(n^2 F) at the rate of 16-bit integer products;
/// only cells in great numbers at the same distance (duplicates, say) cost as much as computing all
/// distances. Memory beyond the input is one copy of it and O(n k). Throws std::invalid_argument unless 1 <=
/// k < n, and NumericalError if a cell is not finite.
template <class Real>
Neighbors nearest_neighbors(const Matrix<Real>& cells, arma::uword k);

}  // namespace bcbench
