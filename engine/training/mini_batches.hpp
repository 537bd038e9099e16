// Which cells a training sees: those it never sees, and those of each update.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench::training {

/// Which cells are trained on, and which are not. Indices ascend.
struct Split {
    std::vector<std::uint32_t> training;
    std::vector<std::uint32_t> holdout;
};

/// Holds out round(fraction * size) cells of every batch, at least 1, at random; none for a fraction of 0. Throws
/// std::invalid_argument if that leaves a batch without cells to train on.
Split split_cells(const Labels& batch, double fraction, Key key);

/// The given cells of a dataset, in this order, with all names of batches and types; what is known `about` the dataset
/// is of all its cells, and left out.
template <class Real>
Dataset<Real> subset(const Dataset<Real>& data, const std::vector<std::uint32_t>& cells);

/// The batch at place `index` of the dataset's list. Throws std::invalid_argument if there is none.
std::uint32_t batch_code(std::int64_t index, const Labels& batch);

/// Draws mini-batches of `size` cells without replacement until too few are left, then starts over in a new random
/// order. Any run of consecutive cells holds each batch in proportion. `data` must outlive it.
template <class Real>
class MiniBatches {
  public:
    /// No size: every mini-batch is all of `data`. Throws std::invalid_argument if there are fewer than `size` cells.
    MiniBatches(const Dataset<Real>& data, std::optional<std::int64_t> size, Key key);

    /// Whether every mini-batch is all of the data.
    bool whole() const { return size_ == data_.cells.n_cols; }

    /// The next mini-batch; valid until the next call.
    const Dataset<Real>& next();

  private:
    void start_epoch();

    const Dataset<Real>& data_;
    std::size_t size_;
    Key key_;
    std::uint32_t epoch_ = 0;
    std::size_t place_ = 0;             // in order_
    std::vector<std::uint32_t> order_;  // [n]
    Dataset<Real> current_;
};

}  // namespace bcbench::training
