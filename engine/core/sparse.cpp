#include "engine/core/sparse.hpp"

#include <algorithm>
#include <string>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"

namespace bcbench {

template <class Real>
Matrix<Real> to_dense(const SparseCells<Real>& sparse) {
    Matrix<Real> dense(sparse.n_features, sparse.n_cells(), arma::fill::none);
    const Tiles tiles{sparse.n_cells(), tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const std::size_t first = tiles.first(tile);
        for (std::size_t cell = first; cell < first + tiles.size(tile); ++cell) {
            Real* column = dense.colptr(cell);
            std::fill_n(column, sparse.n_features, Real(0));
            for (std::uint64_t j = sparse.start[cell]; j < sparse.start[cell + 1]; ++j) {
                column[sparse.feature[j]] = sparse.value[j];
            }
        }
    });
    return dense;
}

template <class Real>
SparseCells<Real> selected(const SparseCells<Real>& sparse, const std::vector<std::size_t>& columns) {
    SparseCells<Real> result;
    result.n_features = sparse.n_features;
    std::uint64_t entries = 0;
    for (const std::size_t column : columns) {
        if (column >= sparse.n_cells()) {
            throw std::invalid_argument("there is no cell " + std::to_string(column) + ", there are " +
                                        std::to_string(sparse.n_cells()));
        }
        entries += sparse.start[column + 1] - sparse.start[column];
    }
    result.feature.reserve(entries);
    result.value.reserve(entries);
    result.start.reserve(columns.size() + 1);
    for (const std::size_t column : columns) {
        const auto first = static_cast<std::ptrdiff_t>(sparse.start[column]);
        const auto last = static_cast<std::ptrdiff_t>(sparse.start[column + 1]);
        result.feature.insert(result.feature.end(), sparse.feature.begin() + first, sparse.feature.begin() + last);
        result.value.insert(result.value.end(), sparse.value.begin() + first, sparse.value.begin() + last);
        result.start.push_back(result.feature.size());
    }
    return result;
}

template <class Real>
void require_valid(const SparseCells<Real>& sparse) {
    require(!sparse.start.empty() && sparse.start.front() == 0, "the entries of the first cell must begin at 0");
    require(sparse.feature.size() == sparse.value.size(), "each entry needs one feature and one value");
    require(sparse.start.back() == sparse.value.size(), "the entries of the last cell must end with the entries");
    for (std::size_t cell = 0; cell < sparse.n_cells(); ++cell) {
        const std::uint64_t last = sparse.start[cell + 1];
        require(sparse.start[cell] <= last && last <= sparse.value.size(),
                "the entries of a cell end before they begin");
        for (std::uint64_t j = sparse.start[cell]; j < last; ++j) {
            require(sparse.feature[j] < sparse.n_features, "an entry has a feature beyond the number of features");
            require(j == sparse.start[cell] || sparse.feature[j - 1] < sparse.feature[j],
                    "the features of a cell's entries must ascend");
        }
    }
}

template Matrix<float> to_dense(const SparseCells<float>&);
template Matrix<double> to_dense(const SparseCells<double>&);
template SparseCells<float> selected(const SparseCells<float>&, const std::vector<std::size_t>&);
template SparseCells<double> selected(const SparseCells<double>&, const std::vector<std::size_t>&);
template void require_valid(const SparseCells<float>&);
template void require_valid(const SparseCells<double>&);

}  // namespace bcbench
