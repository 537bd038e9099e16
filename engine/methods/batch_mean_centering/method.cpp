#include "engine/methods/batch_mean_centering/method.hpp"

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/label_means.hpp"

namespace bcbench::batch_mean_centering {

namespace {

/// x_i - mean_{b(i)} + mean, or without the last term: a symmetric matrix times the cells, so that it is its own
/// adjoint. `shift` [F x B] receives what is added.
template <class Real>
Matrix<Real> centred(const Matrix<Real>& cells, const Labels& batch, const Options& options, arma::mat& shift) {
    shift = -label_means(cells, batch);
    if (options.keep_overall_mean) shift.each_col() += mean_cell(cells);
    Matrix<Real> result(arma::size(cells), arma::fill::none);
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const double* added = shift.colptr(batch.code[i]);
            const Real* cell = cells.colptr(i);
            Real* moved = result.colptr(i);
            for (arma::uword f = 0; f < cells.n_rows; ++f) {
                moved[f] = static_cast<Real>(static_cast<double>(cell[f]) + added[f]);
            }
        }
    });
    return result;
}

}  // namespace

void validate(const Options&) {}  // every value is allowed

template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, bool keep_tape) {
    validate(options);
    require(cells.n_elem > 0, "batch_mean_centering needs cells with at least one feature");
    require_labels(batch, cells.n_cols, "batch_mean_centering, batch");
    require_finite(cells, "a cell given to batch_mean_centering");
    Result<Real> result;
    result.corrected = centred(cells, batch, options, result.shift);
    require_finite(result.corrected, "a corrected embedding");
    const std::vector<std::size_t> sizes = label_sizes(batch);
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0) result.shift.col(b).zeros();
    }
    if (keep_tape) result.tape = {options, batch};
    return result;
}

template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar) {
    const Tape& tape = result.tape;
    require(corrected_bar.n_cols == tape.batch.code.size(),
            "the adjoint has another number of cells than the corrected cells");
    arma::mat shift;
    return centred(corrected_bar, tape.batch, tape.options, shift);
}

#define BCBENCH_INSTANTIATE(Real)                                                            \
    template Result<Real> forward(const Matrix<Real>&, const Labels&, const Options&, bool); \
    template Matrix<Real> backward(const Result<Real>&, const Matrix<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::batch_mean_centering
