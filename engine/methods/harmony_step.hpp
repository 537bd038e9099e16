// One iteration of differentiable_harmony, forward and backward, in tiles of cells: no array of clusters x cells is kept.
#pragma once

#include "engine/methods/differentiable_harmony.hpp"
#include "engine/types.hpp"

namespace bcbench::differentiable_harmony {

/// What the soft assignment needs of the centroids. The cell's own norm is the same for all clusters and cancels in
/// the softmax: A = softmax(scale (2 c.y - ||c||^2)).
template <class Real>
struct Softmax {
    Matrix<Real> centroids;      // [F x K]
    Vector<Real> squared_norms;  // [K]
    Real scale = 0;              // 1 / (sigma * temperature)
};

template <class Real>
Softmax<Real> make_softmax(const Matrix<Real>& centroids, const Options& options);

/// Soft assignments of a tile `cells` [F x m] into `assigned` [K x m]; the most likely cluster of each cell (the first
/// on ties) into `top_cluster` [m] unless it is nullptr.
template <class Real>
void assign(const Softmax<Real>& softmax, const Matrix<Real>& cells, Matrix<Real>& assigned,
            std::uint32_t* top_cluster);

/// Moves `cells` [F x n] by one iteration. Fills top_cluster and batch_mass of `step` unless it is nullptr.
template <class Real>
void iterate(const Softmax<Real>& softmax, const Labels& batch, Matrix<Real>& cells, Step<Real>* step);

/// `signature` continued by the step's nearest clusters and the side of the clip that each cell's ratio lies on.
template <class Real>
std::uint64_t with_choices(std::uint64_t signature, const Labels& batch, const Step<Real>& step);

/// Undoes one iteration: turns the adjoint of `after` (y after the step) in `cells_bar` [F x n] into the adjoint of
/// step.cells; adds the centroids' gradient to `centroids_bar` [F x K] unless it is nullptr.
template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const Labels& batch, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar);

}  // namespace bcbench::differentiable_harmony
