#include "engine/training/mini_batches.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace bcbench::training {

namespace {

// The cells of each batch, in order.
std::vector<std::vector<std::uint32_t>> cells_by_batch(const Labels& batch) {
    std::vector<std::vector<std::uint32_t>> cells(batch.count());
    for (std::uint32_t i = 0; i < batch.code.size(); ++i) cells[batch.code[i]].push_back(i);
    return cells;
}

}  // namespace

Split split_cells(const Labels& batch, double fraction, Key key) {
    Split split;
    std::vector<bool> held_out(batch.code.size(), false);
    const auto groups = cells_by_batch(batch);
    for (std::uint32_t b = 0; fraction > 0.0 && b < groups.size(); ++b) {
        const auto n = static_cast<std::uint32_t>(groups[b].size());
        if (n == 0) continue;
        const auto n_held_out = std::max(1U, static_cast<std::uint32_t>(std::lround(fraction * n)));
        if (n_held_out >= n) {
            throw std::invalid_argument("holding out " + std::to_string(n_held_out) + " of the " + std::to_string(n) +
                                        " cells of batch '" + batch.names[b] + "' leaves none to train on");
        }
        const std::vector<std::uint32_t> order = permutation(fold_in(key, b), n);
        for (std::uint32_t r = 0; r < n_held_out; ++r) held_out[groups[b][order[r]]] = true;
    }
    for (std::uint32_t i = 0; i < held_out.size(); ++i) (held_out[i] ? split.holdout : split.training).push_back(i);
    return split;
}

template <class Real>
Dataset<Real> subset(const Dataset<Real>& data, const std::vector<std::uint32_t>& cells) {
    Dataset<Real> chosen{Matrix<Real>(data.cells.n_rows, cells.size()), {{}, data.batch.names}, {{}, data.type.names}};
    for (std::size_t i = 0; i < cells.size(); ++i) {
        chosen.cells.col(i) = data.cells.col(cells[i]);
        chosen.batch.code.push_back(data.batch.code[cells[i]]);
        if (!data.type.empty()) chosen.type.code.push_back(data.type.code[cells[i]]);
    }
    return chosen;
}

std::uint32_t batch_code(std::int64_t index, const Labels& batch) {
    if (index < 0 || index >= static_cast<std::int64_t>(batch.count())) {
        throw std::invalid_argument("reference_batch is " + std::to_string(index) +
                                    ", but the dataset has batches 0 to " + std::to_string(batch.count() - 1));
    }
    return static_cast<std::uint32_t>(index);
}

template <class Real>
MiniBatches<Real>::MiniBatches(const Dataset<Real>& data, std::optional<std::int64_t> size, Key key)
    : data_(data), size_(data.cells.n_cols), key_(key) {
    if (!size) return;
    if (static_cast<std::size_t>(*size) > data.cells.n_cols) {
        throw std::invalid_argument("batch_size is " + std::to_string(*size) + ", but there are " +
                                    std::to_string(data.cells.n_cols) + " cells to train on");
    }
    size_ = static_cast<std::size_t>(*size);
    if (whole()) return;
    current_ = {Matrix<Real>(data.cells.n_rows, size_), {std::vector<std::uint32_t>(size_), data.batch.names}, {}};
    start_epoch();
}

template <class Real>
void MiniBatches<Real>::start_epoch() {
    const Key epoch_key = fold_in(key_, epoch_++);
    const auto groups = cells_by_batch(data_.batch);
    std::vector<std::pair<double, std::uint32_t>> ranked;  // rank within the batch as a share, cell
    for (std::uint32_t b = 0; b < groups.size(); ++b) {
        const auto n = static_cast<std::uint32_t>(groups[b].size());
        const std::vector<std::uint32_t> order = permutation(fold_in(epoch_key, b), n);
        for (std::uint32_t r = 0; r < n; ++r) ranked.emplace_back((r + 0.5) / n, groups[b][order[r]]);
    }
    std::sort(ranked.begin(), ranked.end());
    order_.clear();
    for (const auto& [rank, cell] : ranked) order_.push_back(cell);
    place_ = 0;
}

template <class Real>
const Dataset<Real>& MiniBatches<Real>::next() {
    if (whole()) return data_;
    if (place_ + size_ > order_.size()) start_epoch();
    for (std::size_t i = 0; i < size_; ++i) {
        const std::uint32_t cell = order_[place_ + i];
        current_.cells.col(i) = data_.cells.col(cell);
        current_.batch.code[i] = data_.batch.code[cell];
    }
    place_ += size_;
    return current_;
}

#define BCBENCH_INSTANTIATE(Real)                                                           \
    template Dataset<Real> subset(const Dataset<Real>&, const std::vector<std::uint32_t>&); \
    template class MiniBatches<Real>
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::training
