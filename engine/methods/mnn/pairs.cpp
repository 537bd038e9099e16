#include "engine/methods/mnn/pairs.hpp"

#include <algorithm>

#include "engine/core/parallel.hpp"
#include "engine/neighbors/cross_neighbors.hpp"

namespace bcbench::mnn {

namespace {

bool contains(const arma::Mat<std::uint32_t>& index, arma::uword column, std::uint32_t cell) {
    const std::uint32_t* begin = index.colptr(column);
    return std::find(begin, begin + index.n_rows, cell) != begin + index.n_rows;
}

}  // namespace

template <class Real>
MutualPairs mutual_pairs(const Matrix<Real>& first, const Matrix<Real>& second, std::size_t k) {
    const CrossNeighbors neighbors =
        cross_neighbors(first, second, std::min<arma::uword>(k, second.n_cols), std::min<arma::uword>(k, first.n_cols));
    const arma::Mat<std::uint32_t>& of_second = neighbors.of_second.index;
    std::vector<std::vector<std::uint32_t>> partners(second.n_cols);
    const Tiles tiles{second.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t j = tiles.first(tile); j < tiles.first(tile) + tiles.size(tile); ++j) {
            for (arma::uword r = 0; r < of_second.n_rows; ++r) {
                const std::uint32_t i = of_second(r, j);
                if (contains(neighbors.of_first.index, i, static_cast<std::uint32_t>(j))) partners[j].push_back(i);
            }
        }
    });
    MutualPairs pairs;
    pairs.offset.push_back(0);
    std::vector<char> in_pair(first.n_cols, 0);
    for (std::size_t j = 0; j < partners.size(); ++j) {
        if (partners[j].empty()) continue;
        pairs.member.push_back(static_cast<std::uint32_t>(j));
        pairs.partner.insert(pairs.partner.end(), partners[j].begin(), partners[j].end());
        pairs.offset.push_back(pairs.partner.size());
        for (const std::uint32_t i : partners[j]) in_pair[i] = 1;
    }
    pairs.n_first_members = static_cast<std::size_t>(std::count(in_pair.begin(), in_pair.end(), 1));
    return pairs;
}

template MutualPairs mutual_pairs(const Matrix<float>&, const Matrix<float>&, std::size_t);
template MutualPairs mutual_pairs(const Matrix<double>&, const Matrix<double>&, std::size_t);

}  // namespace bcbench::mnn
