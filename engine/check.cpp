#include "engine/check.hpp"

#include <cmath>

namespace bcbench {

template <class Real>
void require_finite(const Matrix<Real>& values, const char* what) {
    for (arma::uword column = 0; column < values.n_cols; ++column) {
        const Real* entries = values.colptr(column);
        for (arma::uword row = 0; row < values.n_rows; ++row) {
            if (std::isfinite(entries[row])) continue;
            throw NumericalError(std::string(what) + " has the value " + std::to_string(entries[row]) +
                                 " at cell " + std::to_string(column) + ", dimension " + std::to_string(row));
        }
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
