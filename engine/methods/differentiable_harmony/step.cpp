#include "engine/methods/differentiable_harmony/step.hpp"

#include <algorithm>
#include <numbers>
#include <numeric>

#include "engine/core/choices.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/packed_product.hpp"

namespace bcbench::differentiable_harmony {

namespace {

using arma::uword;

constexpr double epsilon = 1e-10;
constexpr double step_size = 0.1;
constexpr double min_ratio = 0.5;
constexpr double max_ratio = 2.0;

// P(k, b) / (g(b) + eps) for every cluster and batch, before the clip. [K x B]
arma::mat representation(const arma::mat& batch_mass, const BatchTiles& tiles) {
    arma::mat ratio = batch_mass;
    ratio.each_col() /= arma::vec(arma::sum(batch_mass, 1) + epsilon);
    for (uword b = 0; b < ratio.n_cols; ++b) ratio.col(b) /= tiles.share[b] + epsilon;
    return ratio;
}

// Sums of slots in order, so that the result does not depend on which thread filled which slot.
template <class T>
T ordered_sum(const std::vector<T>& slots) {
    T sum = slots.front();
    for (std::size_t i = 1; i < slots.size(); ++i) sum += slots[i];
    return sum;
}

}  // namespace

template <class Real>
Softmax<Real> make_softmax(const Matrix<Real>& from_zero, const Options& options) {
    const arma::vec mean = arma::mean(arma::conv_to<arma::mat>::from(from_zero), 1);
    const Vector<Real> origin = arma::conv_to<Vector<Real>>::from(mean);
    const Matrix<Real> centroids = from_zero.each_col() - origin;
    const double scale = 1.0 / (options.sigma * options.temperature);
    const auto in_powers_of_2 = static_cast<Real>(std::numbers::log2e * scale);
    const Vector<Real> squared_norms = arma::sum(arma::square(centroids), 0).t();
    return {origin,
            centroids,
            pack<Real>(2 * in_powers_of_2 * centroids.t()),
            -in_powers_of_2 * squared_norms,
            pack<Real>(centroids.t()),
            pack(centroids),
            static_cast<Real>(2.0 * scale)};
}

template <class Real>
void shift(const Matrix<Real>& cells, Real sign, const Vector<Real>& origin, Matrix<Real>& moved) {
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t t) {
        for (uword i = tiles.first(t); i < tiles.first(t) + tiles.size(t); ++i) {
            const Real* from = cells.colptr(i);
            Real* to = moved.colptr(i);
            for (uword f = 0; f < cells.n_rows; ++f) to[f] = from[f] + sign * origin[f];
        }
    });
}

BatchTiles make_batch_tiles(const Labels& batch) {
    BatchTiles tiles;
    tiles.batch = &batch;
    const std::vector<std::size_t> sizes = label_sizes(batch);
    std::vector<std::size_t> next(sizes.size());  // the place of each batch's next cell
    std::size_t first = 0;
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        tiles.share.push_back(static_cast<double>(sizes[b]) / static_cast<double>(batch.code.size()));
        next[b] = first;
        const std::size_t end = first + sizes[b];
        for (; first < end; first += std::min(tile_width, end - first)) {
            tiles.runs.push_back({static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(std::min(tile_width, end - first))});
        }
    }
    tiles.order.resize(batch.code.size());
    for (std::size_t i = 0; i < batch.code.size(); ++i) {
        tiles.order[next[batch.code[i]]++] = static_cast<std::uint32_t>(i);
    }
    return tiles;
}

template <class Real>
Matrix<Real> assign_all(const Softmax<Real>& softmax, const Matrix<Real>& cells) {
    Matrix<Real> assigned(softmax.centroids.n_cols, cells.n_cols);
    const Tiles tiles{cells.n_cols, tile_width};
    parallel_for(tiles.count(), [&](std::size_t t) {
        std::uint32_t columns[tile_width];
        std::iota(columns, columns + tiles.size(t), static_cast<std::uint32_t>(tiles.first(t)));
        const TileCells members{columns, tiles.size(t)};
        Tile<Real> y(cells.n_rows);
        Tile<Real> tile(assigned.n_rows);
        std::uint32_t top[tile_width];
        load(cells, members, y);
        for (uword f = 0; f < cells.n_rows; ++f) {
            for (std::size_t i = 0; i < tile_width; ++i) y.row(f)[i] -= softmax.origin[f];
        }
        assign(softmax.to_logits, softmax.offset.memptr(), y, members.count, tile, top, nullptr);
        store(tile, members, assigned);
    });
    return assigned;
}

namespace {

constexpr std::size_t targets_bytes = std::size_t{48} << 20;

// The tiles in at most 64 chunks, so that sums over cells depend on the tiles alone.
Tiles chunks_of(const BatchTiles& tiles) { return {tiles.runs.size(), (tiles.runs.size() + 63) / 64}; }

// What one thread needs to work on a tile.
template <class Real>
struct Workspace {
    Tile<Real> y;         // [F x W]
    Tile<Real> assigned;  // [K x W] A
    Tile<Real> target;    // [F x W] C A
    std::uint32_t top[tile_width];

    explicit Workspace(const Softmax<Real>& softmax)
        : y(softmax.centroids.n_rows), assigned(softmax.centroids.n_cols), target(softmax.centroids.n_rows) {}
};

// A and top cluster of the cells in work.y, and the sums of A in mass [K] unless that is nullptr.
template <class Real>
void assign_tile(const Softmax<Real>& softmax, std::size_t count, Workspace<Real>& work, double* mass) {
    assign(softmax.to_logits, softmax.offset.memptr(), work.y, count, work.assigned, work.top, mass);
}

// 0.1 s of every cell of a tile.
template <class Real>
void find_rates(const arma::mat& ratio, const Assignment& assignment, std::uint32_t batch, TileCells members,
                Real* rate) {
    for (std::size_t i = 0; i < members.count; ++i) {
        const double s = ratio(assignment.top_cluster[members.columns[i]], batch);
        rate[i] = static_cast<Real>(step_size * std::clamp(s, min_ratio, max_ratio));
    }
}

}  // namespace

template <class Real>
Targets<Real> make_targets(const BatchTiles& tiles, uword n_features) {
    const std::size_t tile_bytes = n_features * tile_stride * sizeof(Real);
    return Targets<Real>(std::min(tiles.runs.size(), targets_bytes / tile_bytes));
}

template <class Real>
void walk(const Softmax<Real>& softmax, const BatchTiles& tiles, const Matrix<Real>& cells,
          const Assignment* assignment, Matrix<Real>* moved, Assignment* next, Targets<Real>& targets) {
    const uword n_clusters = softmax.centroids.n_cols;
    arma::mat ratio;  // [K x B]
    if (assignment != nullptr) ratio = representation(assignment->batch_mass, tiles);
    if (next != nullptr) next->top_cluster.resize(cells.n_cols);
    const Tiles chunks = chunks_of(tiles);
    std::vector<arma::mat> masses(chunks.count());
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Workspace<Real> work(softmax);
        arma::vec tile_mass(n_clusters);
        Real rate[tile_width] = {};
        masses[chunk].zeros(n_clusters, tiles.batch->count());
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles.runs[t];
            const TileCells members = tiles.cells(run);
            const bool kept = t < targets.size();
            load(cells, members, work.y);
            if (assignment != nullptr) {  // y += 0.1 s (C A - y)
                find_rates(ratio, *assignment, run.batch, members, rate);
                if (!kept) {
                    assign_tile(softmax, members.count, work, nullptr);
                    multiply(softmax.to_cells, work.assigned, members.count, work.target);
                }
                move_towards(kept ? targets[t] : work.target, members.count, rate, work.y);
                store(work.y, members, *moved);
            }
            if (next == nullptr) continue;
            assign_tile(softmax, members.count, work, tile_mass.memptr());
            masses[chunk].col(run.batch) += tile_mass;
            for (std::size_t i = 0; i < members.count; ++i) next->top_cluster[members.columns[i]] = work.top[i];
            if (!kept) continue;
            if (targets[t].n_rows == 0) targets[t] = Tile<Real>(cells.n_rows);
            multiply(softmax.to_cells, work.assigned, members.count, targets[t]);
        }
    });
    if (next != nullptr) next->batch_mass = ordered_sum(masses);
}

void add_cell_choices(const BatchTiles& tiles, const Assignment& assignment, std::vector<std::uint64_t>& of_cells) {
    const arma::mat ratio = representation(assignment.batch_mass, tiles);
    for (uword i = 0; i < tiles.batch->code.size(); ++i) {
        const double s = ratio(assignment.top_cluster[i], tiles.batch->code[i]);
        const std::uint64_t side = s <= min_ratio ? 0 : s < max_ratio ? 1 : 2;
        of_cells[i] = with_choice(of_cells[i], 3 * std::uint64_t{assignment.top_cluster[i]} + side);
    }
}

namespace {

// Adjoint of batch_mass from y' = y + 0.1 s (C A - y): s_bar = 0.1 <y'_bar, C A - y> = <y'_bar, y' - y> / s. [K x B]
template <class Real>
arma::mat batch_mass_backward(const Step<Real>& step, const BatchTiles& tiles, const arma::mat& ratio,
                              const Matrix<Real>& after, const Matrix<Real>& after_bar) {
    const Tiles chunks = bcbench::chunks_of(after.n_cols);
    std::vector<arma::mat> ratio_bars(chunks.count(), arma::mat(arma::size(ratio), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for (uword i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) {
            const std::uint32_t top = step.assignment.top_cluster[i];
            const std::uint32_t batch = tiles.batch->code[i];
            const double s = ratio(top, batch);
            if (!(s > min_ratio && s < max_ratio)) continue;  // clip: slope 0 outside
            const double s_bar =
                dot_difference(after_bar.colptr(i), after.colptr(i), step.cells.colptr(i), after.n_rows);
            ratio_bars[chunk](top, batch) += s_bar / s;
        }
    });
    // ratio(k, b) = mass(k, b) / (total(k) + eps) / (g(b) + eps), total(k) = sum_b mass(k, b)
    const arma::mat& mass = step.assignment.batch_mass;
    arma::mat share_bar = ordered_sum(ratio_bars);
    for (uword b = 0; b < share_bar.n_cols; ++b) share_bar.col(b) /= tiles.share[b] + epsilon;
    const arma::vec total = arma::sum(mass, 1) + epsilon;
    const arma::vec total_bar = -arma::sum(share_bar % mass, 1) / arma::square(total);
    share_bar.each_col() /= total;
    share_bar.each_col() += total_bar;
    return share_bar;
}

// The rows of a tile as a matrix [tile_stride x rows] that shares its memory.
template <class Real>
const Matrix<Real> transposed(const Tile<Real>& tile) {
    return Matrix<Real>(const_cast<Real*>(tile.row(0)), tile_stride, tile.n_rows, false, true);
}

// The centroids' gradient from some tiles: through C A, through the logits factor c.y, and through their offset
// -scale ||c||^2.
template <class Real>
struct CentroidsBar {
    Matrix<Real> through_cells;   // [F x K] sum of (C A)_bar A^T
    Matrix<Real> through_logits;  // [F x K] sum of y logits_bar^T
    arma::Row<Real> logits;       // [K] sum of logits_bar

    explicit CentroidsBar(const Matrix<Real>& centroids)
        : through_cells(arma::size(centroids), arma::fill::zeros),
          through_logits(arma::size(centroids), arma::fill::zeros),
          logits(centroids.n_cols, arma::fill::zeros) {}

    void add(std::size_t count, const Workspace<Real>& work, const Tile<Real>& target_bar,
             const Tile<Real>& logits_bar) {
        add_product(pack_transposed<Real>(transposed(target_bar), count), transposed(work.assigned), through_cells);
        add_product(pack_transposed<Real>(transposed(work.y), count), transposed(logits_bar), through_logits);
        logits += arma::sum(transposed(logits_bar).head_rows(count), 0);
    }
    arma::mat total(const Softmax<Real>& softmax) const {
        const Matrix<Real> sum =
            through_cells + softmax.factor * (through_logits - softmax.centroids.each_row() % logits);
        return arma::conv_to<arma::mat>::from(sum);
    }
};

}  // namespace

template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const BatchTiles& tiles, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar) {
    const Matrix<Real>& centroids = softmax.centroids;
    const arma::mat ratio = representation(step.assignment.batch_mass, tiles);
    const Matrix<Real> mass_bar =
        arma::conv_to<Matrix<Real>>::from(batch_mass_backward(step, tiles, ratio, after, cells_bar));  // [K x B]

    const Tiles chunks = chunks_of(tiles);
    const bool want_centroids = centroids_bar != nullptr;
    std::vector<arma::mat> partial_bars(want_centroids ? chunks.count() : 0);  // [F x K]
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Workspace<Real> work(softmax);
        Tile<Real> y_bar(centroids.n_rows);
        Tile<Real> target_bar(centroids.n_rows);    // the adjoint of C A
        Tile<Real> assigned_bar(centroids.n_cols);  // the adjoint of A, then of the logits
        CentroidsBar<Real> chunk_bar(centroids);
        Real rate[tile_width] = {};
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles.runs[t];
            const TileCells members = tiles.cells(run);
            load(step.cells, members, work.y);
            assign_tile(softmax, members.count, work, nullptr);
            load(cells_bar, members, y_bar);
            find_rates(ratio, step.assignment, run.batch, members, rate);
            move_towards_backward(members.count, rate, y_bar, target_bar);
            // A enters through C A and through the mass of the cell's batch
            multiply(softmax.transposed, target_bar, members.count, assigned_bar);
            softmax_backward(work.assigned, members.count, mass_bar.colptr(run.batch), assigned_bar);
            multiply(softmax.to_cells, assigned_bar, members.count, work.target);
            add_scaled(work.target, members.count, softmax.factor, y_bar);
            store(y_bar, members, cells_bar);
            if (want_centroids) chunk_bar.add(members.count, work, target_bar, assigned_bar);
        }
        if (want_centroids) partial_bars[chunk] = chunk_bar.total(softmax);
    });
    if (want_centroids) *centroids_bar += arma::conv_to<Matrix<Real>>::from(ordered_sum(partial_bars));
}

#define BCBENCH_INSTANTIATE(Real)                                                                                      \
    template Softmax<Real> make_softmax(const Matrix<Real>&, const Options&);                                          \
    template void shift(const Matrix<Real>&, Real, const Vector<Real>&, Matrix<Real>&);                                \
    template Matrix<Real> assign_all(const Softmax<Real>&, const Matrix<Real>&);                                       \
    template Targets<Real> make_targets(const BatchTiles&, uword);                                                     \
    template void walk(const Softmax<Real>&, const BatchTiles&, const Matrix<Real>&, const Assignment*, Matrix<Real>*, \
                       Assignment*, Targets<Real>&);                                                                   \
    template void iterate_backward(const Softmax<Real>&, const BatchTiles&, const Step<Real>&, const Matrix<Real>&,    \
                                   Matrix<Real>&, Matrix<Real>*)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
