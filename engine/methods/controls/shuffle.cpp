#include "engine/methods/controls/shuffle.hpp"

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"

namespace bcbench {

namespace {

/// The cells of each label, ascending.
std::vector<std::vector<std::uint32_t>> groups_of(const Labels& labels) {
    std::vector<std::vector<std::uint32_t>> groups(labels.count());
    for (std::size_t i = 0; i < labels.code.size(); ++i) {
        groups[labels.code[i]].push_back(static_cast<std::uint32_t>(i));
    }
    return groups;
}

/// Group g is dealt out by the permutation of fold_in(key, g), so that the groups' draws do not depend on each other.
template <class Real>
Shuffled<Real> shuffled(const Matrix<Real>& cells, const Labels& labels, const char* what, Key key) {
    Shuffled<Real> result;
    result.source.resize(cells.n_cols);
    const std::vector<std::vector<std::uint32_t>> groups = groups_of(labels);
    for (std::uint32_t g = 0; g < groups.size(); ++g) {
        const std::vector<std::uint32_t>& members = groups[g];
        const auto size = static_cast<std::uint32_t>(members.size());
        if (size == 1) result.notes.push_back(std::string(what) + " '" + labels.names[g] + "' has one cell: it stays");
        const std::vector<std::uint32_t> order = permutation(fold_in(key, g), size);
        for (std::uint32_t i = 0; i < size; ++i) result.source[members[i]] = members[order[i]];
    }
    result.corrected.set_size(arma::size(cells));
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            result.corrected.col(i) = cells.col(result.source[i]);
        }
    });
    return result;
}

}  // namespace

namespace shuffle_batches {

void validate(const Options&) {}  // every value is allowed

template <class Real>
Shuffled<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, Key key) {
    validate(options);
    require_labels(batch, cells.n_cols, "shuffle_batches, batch");
    if (options.within == Within::batch) return shuffled(cells, batch, "batch", key);
    return shuffled(cells, Labels{std::vector<std::uint32_t>(cells.n_cols, 0), {"all"}}, "dataset", key);
}

template Shuffled<float> forward(const Matrix<float>&, const Labels&, const Options&, Key);
template Shuffled<double> forward(const Matrix<double>&, const Labels&, const Options&, Key);

}  // namespace shuffle_batches

namespace shuffle_within_types {

void validate(const Options&) {}  // there are none

template <class Real>
Shuffled<Real> forward(const Matrix<Real>& cells, const Labels& type, const Options& options, Key key) {
    validate(options);
    require(!type.empty(), "shuffle_within_types needs type labels, and the dataset has none");
    require_labels(type, cells.n_cols, "shuffle_within_types, type");
    return shuffled(cells, type, "type", key);
}

template Shuffled<float> forward(const Matrix<float>&, const Labels&, const Options&, Key);
template Shuffled<double> forward(const Matrix<double>&, const Labels&, const Options&, Key);

}  // namespace shuffle_within_types

}  // namespace bcbench
