// Ties met on a walk over the cells in order, from any of them on.
#pragma once

#include <algorithm>

#include "engine/neighbors/ties.hpp"

namespace bcbench {

class TiedCells {
  public:
    /// From cell `first` on; `ties` must outlive this.
    TiedCells(const Ties& ties, std::size_t first)
        : next_(std::lower_bound(ties.cells.begin(), ties.cells.end(), first,
                                 [](const Tie& tie, std::size_t cell) { return tie.cell < cell; })),
          end_(ties.cells.end()) {}

    /// The tie of `cell`, or nullptr. Cells must rise from call to call, each coming once.
    const Tie* of(std::size_t cell) { return next_ != end_ && next_->cell == cell ? &*next_++ : nullptr; }

  private:
    std::vector<Tie>::const_iterator next_, end_;
};

}  // namespace bcbench
