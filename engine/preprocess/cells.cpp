#include "engine/preprocess/cells.hpp"

#include <limits>
#include <numeric>

#include "engine/core/check.hpp"

namespace bcbench::preprocess {

namespace {

SparseCells<double> kept_entries(const SparseCells<double>& all, const std::vector<bool>& kept, std::size_t n_kept) {
    constexpr auto none = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> place(kept.size(), none);
    std::uint32_t next = 0;
    for (std::size_t f = 0; f < kept.size(); ++f)
        if (kept[f]) place[f] = next++;
    SparseCells<double> some;
    some.n_features = n_kept;
    some.start.resize(all.n_cells() + 1);
    for_each_cell(all.n_cells(), [&](std::size_t i) {
        for (std::uint64_t j = all.start[i]; j < all.start[i + 1]; ++j)
            some.start[i + 1] += place[all.feature[j]] != none;
    });
    std::partial_sum(some.start.begin(), some.start.end(), some.start.begin());
    some.feature.resize(some.start.back());
    some.value.resize(some.start.back());
    for_each_cell(all.n_cells(), [&](std::size_t i) {
        std::uint64_t to = some.start[i];
        for (std::uint64_t j = all.start[i]; j < all.start[i + 1]; ++j) {
            if (place[all.feature[j]] == none) continue;
            some.feature[to] = place[all.feature[j]];
            some.value[to++] = all.value[j];
        }
    });
    return some;
}

}  // namespace

Cells with_features(const Cells& cells, const std::vector<bool>& kept) {
    require(kept.size() == cells.n_features(), "there must be one choice per feature");
    const auto n_kept = static_cast<std::size_t>(std::count(kept.begin(), kept.end(), true));
    Cells result;
    result.is_sparse = cells.is_sparse;
    if (cells.is_sparse) {
        result.sparse = kept_entries(cells.sparse, kept, n_kept);
    } else {
        result.dense.set_size(n_kept, cells.n_cells());
        for_each_cell(cells.n_cells(), [&](std::size_t i) {
            double* to = result.dense.colptr(i);
            for (std::size_t f = 0; f < kept.size(); ++f) {
                if (kept[f]) *to++ = cells.dense(f, i);
            }
        });
    }
    for (std::size_t f = 0; f < cells.feature_names.size(); ++f) {
        if (kept[f]) result.feature_names.push_back(cells.feature_names[f]);
    }
    return result;
}

std::vector<std::size_t> all_positions(std::size_t n) {
    std::vector<std::size_t> positions(n);
    std::iota(positions.begin(), positions.end(), std::size_t{0});
    return positions;
}

}  // namespace bcbench::preprocess
