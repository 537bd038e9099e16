// The iterations of differentiable_harmony backward.
#pragma once

#include "engine/core/pool.hpp"
#include "engine/methods/differentiable_harmony/step.hpp"

namespace bcbench::differentiable_harmony {

/// Takes an adjoint back through the iterations y' = y + 0.1 s (C A - y) (method.hpp), the last one first:
///   (C A)_bar = 0.1 s y'_bar,  A_bar = C^T (C A)_bar + the adjoint of the batch's mass, which comes from s_bar,
///   y_bar = y'_bar - (C A)_bar + factor C l_bar,  l_bar = A (A_bar - <A, A_bar>) the adjoint of the logits.
template <class Real>
class Unwinder {
  public:
    /// `corrected_bar` [F x n] is the adjoint of `last`, the state after the last iteration. Gradients of centroids are
    /// added to `centroids_bar` [F x K] unless it is nullptr.
    Unwinder(const Softmax<Real>& softmax, const BatchTiles& tiles, const Matrix<Real>& corrected_bar,
             Matrix<Real>* centroids_bar);

    /// Undoes `steps`, which end in the state `after`. With `cells_bar` [F x n] the first of them is the first of all,
    /// and the adjoint of the cells goes there.
    void undo(const std::vector<Step<Real>>& steps, const TileArray<Real>& after, Matrix<Real>* cells_bar);

  private:
    /// The adjoint of the step's ratio, P / (g + eps) [K x B], from the adjoint of the state `after` it.
    arma::mat ratio_backward(const Step<Real>& step, const TileArray<Real>& after);
    /// Undoes one step for the adjoint of its ratio; returns that of the step `before` it, if there is one.
    arma::mat undo(const Step<Real>& step, const arma::mat& ratio_bar, const Step<Real>* before,
                   Matrix<Real>* cells_bar);

    const Softmax<Real>& softmax_;
    const BatchTiles& tiles_;
    const Matrix<Real>* corrected_bar_;  // until it has been read
    Matrix<Real>* centroids_bar_;
    TileArray<Real> bar_;  // of the state in hand
    Pool<Workspace<Real>> workspaces_;
};

}  // namespace bcbench::differentiable_harmony
