// Batch mean centring: every batch is moved so that its mean is the mean of all cells, the location adjustment of an
// analysis of variance with the batch as its only factor. The cheapest correction there is: it removes a shift that all
// cells of a batch share, and removes biology with it wherever the batches hold the types in different proportions.
//   y_i = x_i - mean_{b(i)} + mean                                                                  [F x n]
// Differentiated through all means. Cost: two passes over the cells forward, two backward.
#pragma once

#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::batch_mean_centering {

struct Options {
    /// Batches move to the mean of all cells; off: to the origin. Distances between cells are the same.
    bool keep_overall_mean = true;
};

void validate(const Options& options);

/// The computation is affine: nothing of the cells themselves is kept.
struct Tape {
    Options options;
    Labels batch;
};

template <class Real>
struct Result {
    Matrix<Real> corrected;  // [F x n]
    arma::mat shift;         // [F x B] what was added to the cells of each batch; 0 for a batch without cells
    std::vector<std::string> notes;
    Tape tape;  // empty unless asked for
};

/// Corrects `cells` [F x n]. Throws std::invalid_argument on labels that do not fit, NumericalError on cells that are
/// not finite.
template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, bool keep_tape = false);

/// The adjoint of the input cells [F x n] for the adjoint of the corrected cells [F x n].
template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar);

}  // namespace bcbench::batch_mean_centering
