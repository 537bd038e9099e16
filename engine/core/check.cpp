#include "engine/core/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/parallel.hpp"

namespace bcbench {

namespace {

template <class Real>
bool all_finite(const Matrix<Real>& values) {
    const Tiles tiles{values.n_elem, 1 << 18};
    std::vector<char> finite(tiles.count());
    parallel_for(tiles.count(), [&](std::size_t tile) {
        const Real* entries = values.memptr() + tiles.first(tile);
        unsigned wrong = 0;
        for (std::size_t i = 0; i < tiles.size(tile); ++i) {
            wrong |= std::abs(entries[i]) <= std::numeric_limits<Real>::max() ? 0U : 1U;
        }
        finite[tile] = wrong == 0;
    });
    return std::find(finite.begin(), finite.end(), 0) == finite.end();
}

}  // namespace

template <class Real>
void require_finite(const Matrix<Real>& values, const char* what) {
    if (all_finite(values)) return;
    for (arma::uword column = 0; column < values.n_cols; ++column) {
        const Real* entries = values.colptr(column);
        for (arma::uword row = 0; row < values.n_rows; ++row) {
            if (std::isfinite(entries[row])) continue;
            throw NumericalError(std::string(what) + " has the value " + std::to_string(entries[row]) + " at cell " +
                                 std::to_string(column) + ", dimension " + std::to_string(row));
        }
    }
}

void require_labels(const Labels& labels, std::size_t n_cells, const char* what) {
    if (labels.code.size() != n_cells) {
        throw std::invalid_argument(std::string(what) + ": " + std::to_string(labels.code.size()) + " labels for " +
                                    std::to_string(n_cells) + " cells");
    }
    for (const std::uint32_t code : labels.code) {
        if (code < labels.count()) continue;
        throw std::invalid_argument(std::string(what) + ": the code " + std::to_string(code) + " is not below " +
                                    std::to_string(labels.count()) + ", the number of names");
    }
}

template <class Real>
void require_valid(const Dataset<Real>& data) {
    require(data.cells.n_cols > 0, "the dataset has no cells");
    require(data.cells.n_rows > 0, "the dataset has no features");
    require(data.batch.code.size() == data.cells.n_cols, "the dataset needs one batch label per cell");
    require(data.type.empty() || data.type.code.size() == data.cells.n_cols,
            "the dataset needs one type label per cell, or none at all");
}

template void require_finite(const Matrix<float>&, const char*);
template void require_finite(const Matrix<double>&, const char*);
template void require_valid(const Dataset<float>&);
template void require_valid(const Dataset<double>&);

}  // namespace bcbench
