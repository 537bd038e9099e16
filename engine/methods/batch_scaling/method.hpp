// Batch scaling: the z-score of every feature within every batch, which removes a shift and a stretch that all cells of
// a batch share. (scIB, Luecken et al. 2022, prepares data so with `scale_batch`.) It also removes the differences in
// size between features: of principal components it makes noise as loud as signal, unless `keep_overall` is set.
//   m_b = mean over batch b of x,   s_b = sqrt(sum over batch b of (x - m_b)^2 / (n_b - 1))         [F x B]
//   z_i = (x_i - m_{b(i)}) / s_{b(i)}                                                               [F x n]
//   y_i = z_i, or with keep_overall  S z_i + M,   S = sqrt(sum_b sum (x - m_b)^2 / sum_b (n_b - 1)), M = mean of x
// A feature that is constant within a batch, and every feature of a batch of one cell, is centred only (s = 1).
// Differentiated through all means and standard deviations; which features are centred only is held constant.
// Cost: three passes over the cells forward, two backward.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::batch_scaling {

struct Options {
    /// Bring the z-scores back to the mean of all cells and to the standard deviation within batches, pooled, so that
    /// features keep their relative sizes and cells their coordinates.
    bool keep_overall = false;
};

void validate(const Options& options);

template <class Real>
struct Tape {
    Options options;
    Labels batch;
    Matrix<Real> scores;                // [F x n] z
    arma::mat deviation;                // [F x B] s; 1 where a feature is centred only
    arma::Mat<unsigned char> unscaled;  // [F x B] 1 where a feature is centred only
    arma::vec overall_deviation;        // [F] S with keep_overall, else empty; 0: constant within all batches
    double degrees_of_freedom = 0.0;    // sum_b (n_b - 1)
};

template <class Real>
struct Result {
    Matrix<Real> corrected;          // [F x n]
    std::vector<std::string> notes;  // what was centred only
    Tape<Real> tape;                 // empty unless asked for
};

/// Corrects `cells` [F x n]. Throws std::invalid_argument on labels that do not fit, NumericalError on cells that are
/// not finite.
template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, bool keep_tape = false);

/// The adjoint of the input cells [F x n] for the adjoint of the corrected cells [F x n].
template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar);

/// Which features of which batches are centred only: what the reverse pass holds constant.
template <class Real>
std::uint64_t choices(const Result<Real>& result);

}  // namespace bcbench::batch_scaling
