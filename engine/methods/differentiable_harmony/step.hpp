// What the iterations of differentiable_harmony share, forward and backward: the soft assignment, and the cells cut
// into tiles. No array of clusters x cells is kept.
#pragma once

#include "engine/core/parallel.hpp"
#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/methods/differentiable_harmony/tile_product.hpp"

namespace bcbench::differentiable_harmony {

/// What the soft assignment needs of the centroids. The cell's own norm is the same for all clusters and cancels in
/// the softmax: A = softmax(factor c.y - scale ||c||^2), here with powers of 2. Cells and centroids count from the mean
/// centroid, for far from 0 the two terms would cancel as well; an iteration moves with whatever it counts from.
template <class Real>
struct Softmax {
    Vector<Real> origin;       // [F] mean centroid
    Matrix<Real> centroids;    // [F x K] c - origin
    Panels<Real> to_logits;    // factor C^T, for powers of 2 [K x F]
    Vector<Real> offset;       // [K] -scale ||c||^2, for powers of 2
    Panels<Real> transposed;   // C^T [K x F]
    Panels<Real> to_cells;     // C [F x K]
    Panels<Real> from_logits;  // factor C [F x K]
    Real factor = 0;           // 2 scale, scale = 1 / (sigma * temperature)
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

/// What one thread needs to work on a tile.
template <class Real>
struct Workspace {
    TileArray<Real> features;
    TileArray<Real> clusters;
    Tile<Real> y = features[0];           // [F x W]
    Tile<Real> target = features[1];      // [F x W] C A, or its adjoint
    Tile<Real> assigned = clusters[0];    // [K x W] A
    Tile<Real> logits_bar = clusters[1];  // [K x W] the adjoint of the logits
    std::uint32_t top[tile_width];
    Real rate[tile_width] = {};
    Ahead ahead;

    explicit Workspace(const Softmax<Real>& softmax)
        : features(2, softmax.centroids.n_rows), clusters(2, softmax.centroids.n_cols) {}
};

/// P(k, b) / (g(b) + eps) for every cluster and batch, before the clip. [K x B]
arma::mat representation(const arma::mat& batch_mass, const BatchTiles& tiles);

inline constexpr double epsilon = 1e-10;
inline constexpr double min_ratio = 0.5;  // the clip
inline constexpr double max_ratio = 2.0;

/// 0.1 s of a cell for every cluster and batch. [K x B]
template <class Real>
Matrix<Real> step_rates(const arma::mat& ratio);

/// 0.1 s of every cell of a tile [W], `rates` those of the tile's batch [K].
template <class Real>
void find_rates(const Real* rates, const Assignment& assignment, TileCells members, Real* rate) {
    for (std::size_t i = 0; i < members.count; ++i) rate[i] = rates[assignment.top_cluster[members.columns[i]]];
}

/// The tiles in at most 64 chunks, so that sums over cells depend on the tiles alone.
inline Tiles chunks_of(const BatchTiles& tiles) { return {tiles.runs.size(), (tiles.runs.size() + 63) / 64}; }

/// Sums of slots in order, so that the result does not depend on which thread filled which slot.
template <class T>
T ordered_sum(const std::vector<T>& slots) {
    T sum = slots.front();
    for (std::size_t i = 1; i < slots.size(); ++i) sum += slots[i];
    return sum;
}

/// Continues the signature of every cell by its nearest cluster and the side of the clip that its ratio lies on.
void add_cell_choices(const BatchTiles& tiles, const Assignment& assignment, std::vector<std::uint64_t>& of_cells);

}  // namespace bcbench::differentiable_harmony
