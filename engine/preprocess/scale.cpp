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
    if (options.zero_center && cells.is_sparse) {
        cells.dense = to_dense(cells.sparse);
        cells.sparse = {};
        cells.is_sparse = false;
    }
    const double most = options.max_value.value_or(arma::datum::inf);
    const double least = options.zero_center ? -most : -arma::datum::inf;
    for_each_cell(cells.n_cells(), [&](std::size_t i) {
        for_each_entry(cells, i, [&](std::size_t f, double& x) {
            const double centred = options.zero_center ? x - found.mean[f] : x;
            x = std::clamp(centred / deviation[f], least, most);
        });
    });
}

}  // namespace bcbench::preprocess
