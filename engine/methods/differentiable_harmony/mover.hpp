// The iterations of differentiable_harmony forward.
#pragma once

#include "engine/core/pool.hpp"
#include "engine/methods/differentiable_harmony/step.hpp"

namespace bcbench::differentiable_harmony {

/// Moves cells forward, state after state, y <- y + 0.1 s (C A - y) (method.hpp). States are counted from the mean
/// centroid; the first `n_kept` tiles stand as tiles, with their C A, and the others are columns of `corrected`, whose
/// C A is computed again when they move. In the end `corrected` [F x n] holds all cells, counted from 0; it may be
/// nullptr if that does not come and all tiles are kept.
template <class Real>
class Mover {
  public:
    Mover(const Softmax<Real>& softmax, const BatchTiles& tiles, std::size_t n_kept, Matrix<Real>* corrected);

    /// The first state, of `cells` [F x n] as they are given, and its assignment.
    void start(const Matrix<Real>& cells, TileArray<Real>& state, Assignment& assignment);
    /// Goes on from a state that is kept whole, with its assignment.
    void go_on(const TileArray<Real>& state, Assignment& assignment);
    /// One iteration, by the assignment of the state `from`, which is the last one that was assigned. `to`, which may
    /// be `from`, is assigned into `next`, which may be `assignment`; nullptr: `to` is the last state.
    void move(const TileArray<Real>& from, const Assignment& assignment, TileArray<Real>& to, Assignment* next);

  private:
    template <class Prepare>
    void walk(Assignment* next, const Prepare& prepare);

    const Softmax<Real>& softmax_;
    const BatchTiles& tiles_;
    std::size_t n_kept_;
    Matrix<Real>* corrected_;
    TileArray<Real> targets_;  // C A of kept tiles
    Pool<Workspace<Real>> workspaces_;
};

}  // namespace bcbench::differentiable_harmony
