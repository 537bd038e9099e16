#include "engine/preprocess/cells.hpp"

#include <numeric>

#include "engine/core/check.hpp"

namespace bcbench::preprocess {

namespace {

SparseCells<double> kept_entries(const SparseCells<double>& all, const std::vector<bool>& kept, std::size_t n_kept) {
    std::vector<std::uint32_t> place(kept.size());
    std::uint32_t next = 0;
    for (std::size_t f = 0; f < kept.size(); ++f) place[f] = kept[f] ? next++ : 0;
    SparseCells<double> some;
    some.n_features = n_kept;
    some.start.reserve(all.n_cells() + 1);
    for (std::size_t i = 0; i < all.n_cells(); ++i) {
        for (std::uint64_t j = all.start[i]; j < all.start[i + 1]; ++j) {
            if (!kept[all.feature[j]]) continue;
            some.feature.push_back(place[all.feature[j]]);
            some.value.push_back(all.value[j]);
        }
        some.start.push_back(some.value.size());
    }
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
