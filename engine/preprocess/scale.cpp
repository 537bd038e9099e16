#include "engine/preprocess/scale.hpp"

#include <cmath>

#include "engine/core/check.hpp"

namespace bcbench::preprocess {

void scale(Cells& cells, const ScaleOptions& options) {
    if (options.max_value) {
        require_option(std::isfinite(*options.max_value) && *options.max_value > 0.0, "max_value", *options.max_value,
                       "a finite number > 0");
    }
    if (cells.n_cells() < 2) throw DataError("scale needs at least two cells");
    const Moments found = moments(cells, all_positions(cells.n_cells()), [](double x) { return x; });
    arma::vec deviation = arma::sqrt(found.variance);
    deviation.replace(0.0, 1.0);
    const double most = options.max_value.value_or(arma::datum::inf);
    const double least = options.zero_center ? -most : -arma::datum::inf;
    const auto scaled = [&](std::size_t f, double x) {
        const double centred = options.zero_center ? x - found.mean[f] : x;
        return std::clamp(centred / deviation[f], least, most);
    };
    if (!options.zero_center || !cells.is_sparse) {
        for_each_cell(cells.n_cells(), [&](std::size_t i) {
            for_each_entry(cells, i, [&](std::size_t f, double& x) { x = scaled(f, x); });
        });
        return;
    }
    arma::vec of_zero(cells.n_features(), arma::fill::none);
    for (std::size_t f = 0; f < of_zero.n_elem; ++f) of_zero[f] = scaled(f, 0.0);
    cells.dense.set_size(cells.n_features(), cells.n_cells());
    for_each_cell(cells.n_cells(), [&](std::size_t i) {
        double* column = cells.dense.colptr(i);
        std::copy(of_zero.begin(), of_zero.end(), column);
        for_each_entry(cells, i, [&](std::size_t f, double x) { column[f] = scaled(f, x); });
    });
    cells.sparse = {};
    cells.is_sparse = false;
}

}  // namespace bcbench::preprocess
