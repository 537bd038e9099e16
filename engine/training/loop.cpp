#include "engine/training/loop.hpp"

#include <algorithm>
#include <utility>

#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/neighbors/neighbors.hpp"

namespace bcbench::training {

namespace {

constexpr arma::uword mixing_neighbors = 10;

// The cells of each batch, in order.
std::vector<std::vector<std::uint32_t>> cells_by_batch(const Labels& batch) {
    std::vector<std::vector<std::uint32_t>> cells(batch.count());
    for (std::uint32_t i = 0; i < batch.code.size(); ++i) cells[batch.code[i]].push_back(i);
    return cells;
}

}  // namespace

void validate(const Options& options) {
    require(options.learning_rate > 0.0, "learning_rate must be greater than 0");
    require(options.steps >= 1, "steps must be at least 1");
    require(options.warmup_steps >= 0 && options.warmup_steps <= options.steps,
            "warmup_steps must be between 0 and steps");
    require(!options.batch_size || *options.batch_size >= 2, "batch_size must be at least 2");
    require(options.holdout_fraction >= 0.0 && options.holdout_fraction < 1.0, "holdout_fraction must be in [0, 1)");
    require(options.early_stopping != Stopping::holdout || options.holdout_fraction > 0.0,
            "early_stopping on held-out cells needs a holdout_fraction greater than 0");
    require(options.patience >= 1, "patience must be at least 1");
    require(options.trace_every >= 1, "trace_every must be at least 1");
    optimizer::validate(optimizer_of(options));
}

optimizer::Options optimizer_of(const Options& options) {
    return {options.optimizer, options.beta1, options.beta2, options.weight_decay};
}

Key training_key(std::int64_t seed) {
    // one fold deeper than any key of a stream of the same seed
    return fold_in(fold_in(make_key(static_cast<std::uint64_t>(seed)), 0xffffffffU), 0);
}

Split split_cells(const Labels& batch, const Options& options) {
    const double fraction = options.holdout_fraction;
    const Key key = fold_in(training_key(options.seed), 0);
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

void add_value(const std::string& name, double value, std::vector<Curve>& curves) {
    const auto found =
        std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.name == name; });
    if (found != curves.end()) {
        found->values.push_back(value);
    } else {
        curves.push_back({name, {value}});
    }
}

template <class Real>
void add_evaluation(const std::string& prefix, const Evaluation<Real>& evaluation, const Labels& batch,
                    std::vector<Curve>& curves) {
    add_value(prefix + "loss", finite(evaluation.objective, "the loss"), curves);
    for (const Curve& part : evaluation.parts) add_value(prefix + part.name, part.values.front(), curves);
    require_finite(evaluation.corrected, "a corrected embedding");
    if (batch.count() > 1 && batch.code.size() > mixing_neighbors) {
        const Neighbors neighbors = nearest_neighbors(evaluation.corrected, mixing_neighbors);
        add_value(prefix + "mixing", batch_mixing_entropy(neighbors, batch), curves);
    }
}

double finite(double value, const char* what) {
    if (!std::isfinite(value)) throw NumericalError(std::string(what) + " is not finite");
    return value;
}

#define BCBENCH_INSTANTIATE(Real)                                                           \
    template Dataset<Real> subset(const Dataset<Real>&, const std::vector<std::uint32_t>&); \
    template class MiniBatches<Real>;                                                       \
    template void add_evaluation(const std::string&, const Evaluation<Real>&, const Labels&, std::vector<Curve>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::training
