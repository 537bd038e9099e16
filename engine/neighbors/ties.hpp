// Cells at the same distance, of which only some find room among the k nearest. The order of the rows must not choose
// between them: whoever counts neighbours counts each of them in part.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/neighbors/neighbors.hpp"

namespace bcbench {

/// A cell with more cells at its k-th distance than there is room for.
struct Tie {
    std::uint32_t cell = 0;
    std::uint32_t closer = 0;   // of its k neighbours those nearer than the k-th distance, which count in full
    std::uint32_t set = 0;      // of Ties::sets: all cells at the k-th distance
    bool holds_itself = false;  // at distance 0 the cell stands in its own set, of which it is no rival
};

struct Ties {
    std::vector<Tie> cells;                        // rising
    std::vector<std::vector<std::uint32_t>> sets;  // [n] each rising; equal cells share one

    /// The cells that tie for the last places among the neighbours of a tied cell.
    std::size_t rivals(const Tie& tie) const { return sets[tie.set].size() - (tie.holds_itself ? 1 : 0); }

    /// The share of all ordered pairs of `n_cells` cells that are ties: near 1 where there are no neighbourhoods.
    double share_of_pairs(arma::uword n_cells) const;
};

/// The ties at the `k`-th distance of `cells` [F x n], of which `neighbors` are. These must hold one more than `k`
/// where there are more others; with all others as neighbours nothing ties. Without ties the cost is one comparison a
/// cell; each place where several cells tie costs a search among all cells. Throws std::invalid_argument if `neighbors`
/// hold too few.
template <class Real>
Ties ties_at(const Matrix<Real>& cells, const Neighbors& neighbors, arma::uword k);

/// The `k` nearest others of each cell, all others where there are fewer, and who ties for the last places.
struct TiedNeighbors {
    Neighbors all;      // one more than k, as far as there are
    arma::uword k = 0;  // at most all others
    Ties ties;

    NeighborsView nearest() const { return {all, k}; }
};

/// Of `cells` [F x n], n >= 2.
template <class Real>
TiedNeighbors tied_neighbors(const Matrix<Real>& cells, arma::uword k);

/// How many of a tied cell's k neighbours have each label, the last places being shared evenly by all that tie for
/// them.
class TiedLabels {
  public:
    /// `code` [n] are places among `n_labels` labels; `ties` must outlive this.
    TiedLabels(const Ties& ties, const std::vector<std::uint32_t>& code, std::size_t n_labels);

    /// Sets `counts` [labels], which sum to k of `neighbors`.
    void count(const NeighborsView& neighbors, const Tie& tie, std::vector<double>& counts) const;

  private:
    const Ties* ties_;
    const std::vector<std::uint32_t>* code_;
    std::vector<std::vector<double>> of_set_;  // [sets] of [labels]
};

}  // namespace bcbench
