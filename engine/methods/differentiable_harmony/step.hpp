// One iteration of differentiable_harmony, forward and backward, in tiles of cells: no array of clusters x cells is
// kept.
#pragma once

#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/differentiable_harmony/tile.hpp"

namespace bcbench::differentiable_harmony {

/// What the soft assignment needs of the centroids. The cell's own norm is the same for all clusters and cancels in
/// the softmax: A = softmax(factor c.y - scale ||c||^2), here with powers of 2. Cells and centroids count from the mean
/// centroid, for far from 0 the two terms would cancel as well; an iteration moves with whatever it counts from.
template <class Real>
struct Softmax {
    Vector<Real> origin;      // [F] mean centroid
    Matrix<Real> centroids;   // [F x K] c - origin
    Panels<Real> to_logits;   // factor C^T, for powers of 2 [K x F]
    Vector<Real> offset;      // [K] -scale ||c||^2, for powers of 2
    Panels<Real> transposed;  // C^T [K x F]
    Panels<Real> to_cells;    // C [F x K]
    Real factor = 0;          // 2 scale, scale = 1 / (sigma * temperature)
};

template <class Real>
Softmax<Real> make_softmax(const Matrix<Real>& centroids, const Options& options);

/// moved = cells + sign * origin, cell by cell [F x n]; `moved` may be `cells`.
template <class Real>
void shift(const Matrix<Real>& cells, Real sign, const Vector<Real>& origin, Matrix<Real>& moved);

/// The cells cut into tiles of one batch each, batch after batch.
struct BatchTiles {
    struct Run {
        std::uint32_t batch;
        std::uint32_t first;  // place in `order`
        std::uint32_t count;
    };
    const Labels* batch = nullptr;
    std::vector<double> share;         // [B] of all cells
    std::vector<std::uint32_t> order;  // [n] cells by batch
    std::vector<Run> runs;

    TileCells cells(const Run& run) const { return {order.data() + run.first, run.count}; }
};

/// Tiles of the cells of `batch`, which must outlive them.
BatchTiles make_batch_tiles(const Labels& batch);

/// Soft assignments of all `cells` [F x n], which count from 0. [K x n]
template <class Real>
Matrix<Real> assign_all(const Softmax<Real>& softmax, const Matrix<Real>& cells);

/// C A of the first tiles, kept from the walk that assigns a state to the walk that moves it; the others are computed
/// again. At most 48 MiB.
template <class Real>
using Targets = std::vector<Tile<Real>>;

template <class Real>
Targets<Real> make_targets(const BatchTiles& tiles, arma::uword n_features);

/// One walk over `cells` [F x n] = y - origin: moves them by one iteration, as their assignment says, into `moved`
/// (which may be `cells`); then assigns the moved cells. Without `assignment` nothing moves, and y itself is assigned;
/// without `next`, which may be `assignment`, nothing is assigned. The walk that moves a state needs the targets that
/// the walk that assigned it has left.
template <class Real>
void walk(const Softmax<Real>& softmax, const BatchTiles& tiles, const Matrix<Real>& cells,
          const Assignment* assignment, Matrix<Real>* moved, Assignment* next, Targets<Real>& targets);

/// Undoes one iteration: turns the adjoint of `after` (y after the step) in `cells_bar` [F x n] into the adjoint of
/// step.cells; adds the centroids' gradient to `centroids_bar` [F x K] unless it is nullptr.
template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const BatchTiles& tiles, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar);

/// Continues the signature of every cell by its nearest cluster and the side of the clip that its ratio lies on.
void add_cell_choices(const BatchTiles& tiles, const Assignment& assignment, std::vector<std::uint64_t>& of_cells);

}  // namespace bcbench::differentiable_harmony
