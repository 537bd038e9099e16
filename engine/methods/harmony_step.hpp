// One iteration of differentiable_harmony, forward and backward, in tiles of cells: no array of clusters x cells is kept.
#pragma once

#include "engine/methods/differentiable_harmony.hpp"
#include "engine/methods/harmony_tile.hpp"
#include "engine/types.hpp"

namespace bcbench::differentiable_harmony {

/// What the soft assignment needs of the centroids. The cell's own norm is the same for all clusters and cancels in
/// the softmax: A = softmax(scale (2 c.y - ||c||^2)).
template <class Real>
struct Softmax {
    Matrix<Real> centroids;  // [F x K]
    Panels<Real> to_logits;  // C^T [K x F]
    Panels<Real> to_cells;   // C [F x K]
    Vector<Real> offset;     // [K] -scale ||c||^2
    Real factor = 0;         // 2 scale, scale = 1 / (sigma * temperature)
};

template <class Real>
Softmax<Real> make_softmax(const Matrix<Real>& centroids, const Options& options);

/// The cells cut into tiles of one batch each, batch after batch.
struct BatchTiles {
    struct Run {
        std::uint32_t batch;
        std::uint32_t first;  // place in `order`
        std::uint32_t count;
    };
    const Labels* batch = nullptr;
    std::vector<std::uint32_t> order;  // [n] cells by batch
    std::vector<Run> runs;

    TileCells cells(const Run& run) const { return {order.data() + run.first, run.count}; }
};

/// Tiles of the cells of `batch`, which must outlive them.
BatchTiles make_batch_tiles(const Labels& batch);

/// Soft assignments of all `cells` [F x n]. [K x n]
template <class Real>
Matrix<Real> assign_all(const Softmax<Real>& softmax, const Matrix<Real>& cells);

/// Moves `cells` [F x n] by one iteration. Fills top_cluster and batch_mass of `step` unless it is nullptr.
/// `kept` is memory to work in, at most 32 MiB; hand the same to the next call. Beside it: 4 bytes a cell.
template <class Real>
void iterate(const Softmax<Real>& softmax, const BatchTiles& tiles, Matrix<Real>& cells, Matrix<Real>& kept,
             Step<Real>* step);

/// Undoes one iteration: turns the adjoint of `after` (y after the step) in `cells_bar` [F x n] into the adjoint of
/// step.cells; adds the centroids' gradient to `centroids_bar` [F x K] unless it is nullptr.
template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const BatchTiles& tiles, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar);

/// `signature` continued by the step's nearest clusters and the side of the clip that each cell's ratio lies on.
template <class Real>
std::uint64_t with_choices(std::uint64_t signature, const Labels& batch, const Step<Real>& step);

}  // namespace bcbench::differentiable_harmony
