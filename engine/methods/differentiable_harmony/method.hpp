// Differentiable Harmony: soft clustering around fixed centroids, and a step towards them that depends on how over- or
// under-represented a cell's batch is in its top cluster. After Korsunsky et al. 2019 (Harmony), in the form of
// DiffBio's batch correction example. One iteration on the current cells y:
//   A(k, i) = softmax over k of -||y_i - c_k||^2 / (sigma * temperature)                       [K x n]
//   P(k, b) = sum_{i in b} A(k, i) / (sum_i A(k, i) + 1e-10),   g(b) = share of batch b        [K x B]
//   y_i    <- y_i + 0.1 s_i (C A_i - y_i),  s_i = clip(P(k*_i, b_i) / (g(b_i) + 1e-10), 0.5, 2),  k*_i = argmax_k A
// Differentiated through A, P and s; k* is held constant and clip has slope 0 outside (0.5, 2).
// Cost: two products of 2 n K F operations an iteration forward (four for cells beyond the 96 MiB that are kept as
// tiles), three backward (five with the centroids' gradient).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/tile_array.hpp"

namespace bcbench::differentiable_harmony {

struct Options {
    /// Soft clusters; more follow finer structure and cost proportionally more.
    std::int64_t n_clusters = 100;
    /// Correction steps; each moves a cell by 5 to 20 % of its distance to its soft centroid.
    std::int64_t n_iterations = 10;
    /// Diversity penalty of the original Harmony. Accepted and recorded, but it does not enter this computation.
    double theta = 2.0;
    /// Width of the soft assignment; larger spreads a cell over more clusters.
    double sigma = 0.1;
    /// Multiplies sigma; larger softens the assignments and their gradients.
    double temperature = 1.0;
    /// Recompute the cells of all but every sqrt(n_iterations)-th iteration in the reverse pass instead of storing
    /// them: less memory, one more forward pass. Values and gradients are the same.
    bool recompute = false;
};

void validate(const Options& options);

template <class Real>
struct Parameters {
    Matrix<Real> centroids;  // [F x K]
};

template <class Real, class Visit>
void for_each_parameter(Parameters<Real>& parameters, const Visit& visit) {
    visit("centroids", parameters.centroids);
}

template <class Real>
Parameters<double> in_double(const Parameters<Real>& parameters) {
    return {bcbench::in_double(parameters.centroids)};
}

/// Centroids 0.1 * normal, from the first key of `stream`.
template <class Real>
Parameters<Real> initial_parameters(const Options& options, arma::uword n_features, Stream stream);

/// What decides by how much each cell of a state moves.
struct Assignment {
    std::vector<std::uint32_t> top_cluster;  // [n] k*
    arma::mat batch_mass;                    // [K x B] sum of A over the cells of a batch
};

/// One iteration as the reverse pass reads it.
template <class Real>
struct Step {
    TileArray<Real> cells;  // y before the step, counted from the mean centroid
    Assignment assignment;  // of these cells
};

template <class Real>
struct Tape {
    Options options;
    Parameters<Real> parameters;
    Labels batch;
    std::vector<Step<Real>> steps;  // every iteration, or under `recompute` every stride-th (only `cells` filled)
    std::size_t stride = 1;
    TileArray<Real> last;  // y after the last step
};

template <class Real>
struct Result {
    Matrix<Real> corrected;  // [F x n]
    Tape<Real> tape;         // empty unless asked for
    /// Of every cell its nearest clusters and sides of the clip in all iterations, which the reverse pass holds
    /// constant, as one number; empty unless asked for.
    std::vector<std::uint64_t> cell_choices;  // [n]
};

/// Corrects `data`. Throws std::invalid_argument on bad options or shapes, NumericalError if the result is not finite.
template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                     bool keep_tape = false, bool keep_choices = false);

/// Soft assignments of `cells` [F x n] to the centroids. [K x n], columns sum to 1.
template <class Real>
Matrix<Real> assignments(const Matrix<Real>& cells, const Parameters<Real>& parameters, const Options& options);

/// The adjoint of the input cells [F x n] for the adjoint of the corrected cells [F x n]; adds the centroids' gradient
/// to `parameters_bar` unless it is nullptr.
template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar, Parameters<Real>* parameters_bar);

/// The choices of all cells as one number, of a pass that kept them.
template <class Real>
std::uint64_t choices(const Result<Real>& result);

/// The same for every cell alone.
template <class Real>
std::vector<std::uint64_t> cell_choices(const Result<Real>& result);

}  // namespace bcbench::differentiable_harmony
