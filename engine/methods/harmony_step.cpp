#include "engine/methods/harmony_step.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/choices.hpp"
#include "engine/parallel.hpp"

namespace bcbench::differentiable_harmony {

namespace {

using arma::uword;

constexpr double epsilon = 1e-10;
constexpr double step_size = 0.1;
constexpr double min_ratio = 0.5;
constexpr double max_ratio = 2.0;

// P(k, b) / (g(b) + eps) for every cluster and batch, before the clip. [K x B]
arma::mat representation(const arma::mat& batch_mass, const Labels& batch) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    arma::mat ratio = batch_mass;
    ratio.each_col() /= arma::vec(arma::sum(batch_mass, 1) + epsilon);
    for (uword b = 0; b < ratio.n_cols; ++b) {
        ratio.col(b) /= static_cast<double>(sizes[b]) / static_cast<double>(batch.code.size()) + epsilon;
    }
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
Softmax<Real> make_softmax(const Matrix<Real>& centroids, const Options& options) {
    const auto scale = static_cast<Real>(1.0 / (options.sigma * options.temperature));
    const Vector<Real> squared_norms = arma::sum(arma::square(centroids), 0).t();
    return {centroids, pack<Real>(centroids.t()), pack(centroids), -scale * squared_norms, 2 * scale};
}

BatchTiles make_batch_tiles(const Labels& batch) {
    BatchTiles tiles;
    tiles.batch = &batch;
    const std::vector<std::size_t> sizes = label_sizes(batch);
    std::vector<std::size_t> next(sizes.size());  // the place of each batch's next cell
    std::size_t first = 0;
    for (std::size_t b = 0; b < sizes.size(); ++b) {
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
        multiply(softmax.to_logits, y, members.count, tile);
        differentiable_harmony::softmax(tile, members.count, softmax.factor, softmax.offset.memptr(), top, nullptr);
        store(tile, members, assigned);
    });
    return assigned;
}

namespace {

// C A of the first tiles is kept between the two passes of an iteration, in up to this much memory; the second pass
// computes the others anew.
constexpr std::size_t kept_bytes = std::size_t{32} << 20;

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

// y, A and top cluster of a tile, and its sums of A in mass [K] unless that is nullptr.
template <class Real>
void assign(const Softmax<Real>& softmax, const Matrix<Real>& cells, TileCells members, Workspace<Real>& work,
            double* mass) {
    load(cells, members, work.y);
    multiply(softmax.to_logits, work.y, members.count, work.assigned);
    differentiable_harmony::softmax(work.assigned, members.count, softmax.factor, softmax.offset.memptr(), work.top,
                                    mass);
}

// First pass: top clusters and the mass of every batch in every cluster; C A of the tiles that `kept` has room for,
// in the order of the tiles.
template <class Real>
arma::mat assign_pass(const Softmax<Real>& softmax, const BatchTiles& tiles, const Matrix<Real>& cells,
                      std::vector<std::uint32_t>& top_cluster, Matrix<Real>& kept) {
    const Tiles chunks = chunks_of(tiles);
    const uword n_clusters = softmax.centroids.n_cols;
    std::vector<arma::mat> masses(chunks.count(), arma::mat(n_clusters, tiles.batch->count(), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Workspace<Real> work(softmax);
        arma::vec tile_mass(n_clusters);
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles.runs[t];
            const TileCells members = tiles.cells(run);
            assign(softmax, cells, members, work, tile_mass.memptr());
            masses[chunk].col(run.batch) += tile_mass;
            for (std::size_t i = 0; i < members.count; ++i) top_cluster[members.columns[i]] = work.top[i];
            if (run.first + run.count > kept.n_cols) continue;
            multiply(softmax.to_cells, work.assigned, members.count, work.target);
            std::uint32_t places[tile_width];
            std::iota(places, places + run.count, run.first);
            store(work.target, {places, run.count}, kept);
        }
    });
    return ordered_sum(masses);
}

// Second pass: y += 0.1 s (C A - y).
template <class Real>
void move_pass(const Softmax<Real>& softmax, const BatchTiles& tiles, const arma::mat& ratio,
               const std::vector<std::uint32_t>& top_cluster, const Matrix<Real>& kept, Matrix<Real>& cells) {
    const Tiles chunks = chunks_of(tiles);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Workspace<Real> work(softmax);
        Real rate[tile_width] = {};
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles.runs[t];
            const TileCells members = tiles.cells(run);
            for (std::size_t i = 0; i < members.count; ++i) {
                const double s = ratio(top_cluster[members.columns[i]], run.batch);
                rate[i] = static_cast<Real>(step_size * std::clamp(s, min_ratio, max_ratio));
            }
            if (run.first + run.count <= kept.n_cols) {
                for (std::size_t i = 0; i < members.count; ++i) {
                    Real* y = cells.colptr(members.columns[i]);
                    const Real* target = kept.colptr(run.first + i);
                    for (uword f = 0; f < cells.n_rows; ++f) y[f] += rate[i] * (target[f] - y[f]);
                }
                continue;
            }
            assign(softmax, cells, members, work, nullptr);
            multiply(softmax.to_cells, work.assigned, members.count, work.target);
            move_towards(work.target, members.count, rate, work.y);
            store(work.y, members, cells);
        }
    });
}

}  // namespace

template <class Real>
void iterate(const Softmax<Real>& softmax, const BatchTiles& tiles, Matrix<Real>& cells, Matrix<Real>& kept,
             Step<Real>* step) {
    std::vector<std::uint32_t> top_cluster(cells.n_cols);
    const std::size_t cell_bytes = std::max<std::size_t>(cells.n_rows * sizeof(Real), 1);
    kept.set_size(cells.n_rows, std::min<uword>(cells.n_cols, kept_bytes / cell_bytes));
    const arma::mat batch_mass = assign_pass(softmax, tiles, cells, top_cluster, kept);
    move_pass(softmax, tiles, representation(batch_mass, *tiles.batch), top_cluster, kept, cells);
    if (step != nullptr) {
        step->top_cluster = std::move(top_cluster);
        step->batch_mass = batch_mass;
    }
}

template <class Real>
std::uint64_t with_choices(std::uint64_t signature, const Labels& batch, const Step<Real>& step) {
    const arma::mat ratio = representation(step.batch_mass, batch);
    for (uword i = 0; i < batch.code.size(); ++i) {
        const double s = ratio(step.top_cluster[i], batch.code[i]);
        const std::uint64_t side = s <= min_ratio ? 0 : s < max_ratio ? 1 : 2;
        signature = with_choice(signature, 3 * std::uint64_t{step.top_cluster[i]} + side);
    }
    return signature;
}

namespace {

// Adjoint of batch_mass from y' = y + 0.1 s (C A - y): s_bar = 0.1 <y'_bar, C A - y> = <y'_bar, y' - y> / s. [K x B]
template <class Real>
arma::mat batch_mass_backward(const Step<Real>& step, const Labels& batch, const arma::mat& ratio,
                              const Matrix<Real>& after, const Matrix<Real>& after_bar) {
    const Tiles chunks = bcbench::chunks_of(after.n_cols);
    std::vector<arma::mat> ratio_bars(chunks.count(), arma::mat(arma::size(ratio), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for (uword i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) {
            const double s = ratio(step.top_cluster[i], batch.code[i]);
            if (!(s > min_ratio && s < max_ratio)) continue;  // clip: slope 0 outside
            const double s_bar =
                dot_difference(after_bar.colptr(i), after.colptr(i), step.cells.colptr(i), after.n_rows);
            ratio_bars[chunk](step.top_cluster[i], batch.code[i]) += s_bar / s;
        }
    });
    // ratio(k, b) = mass(k, b) / (total(k) + eps) / (g(b) + eps), total(k) = sum_b mass(k, b)
    const std::vector<std::size_t> sizes = label_sizes(batch);
    arma::mat share_bar = ordered_sum(ratio_bars);
    for (uword b = 0; b < share_bar.n_cols; ++b) {
        share_bar.col(b) /= static_cast<double>(sizes[b]) / static_cast<double>(batch.code.size()) + epsilon;
    }
    const arma::vec total = arma::sum(step.batch_mass, 1) + epsilon;
    const arma::vec total_bar = -arma::sum(share_bar % step.batch_mass, 1) / arma::square(total);
    share_bar.each_col() /= total;
    share_bar.each_col() += total_bar;
    return share_bar;
}

// The rows of a tile as a matrix [cells x rows] that shares its memory.
template <class Real>
const Matrix<Real> transposed(const Tile<Real>& tile) {
    return Matrix<Real>(const_cast<Real*>(tile.row(0)), tile_stride, tile.n_rows, false, true);
}

// The centroids' gradient from one tile: through C A, through the logits factor c.y, and through their offset
// -scale ||c||^2. [F x K]
template <class Real>
Matrix<Real> centroids_backward(const Softmax<Real>& softmax, std::size_t count, const Workspace<Real>& work,
                                const Tile<Real>& target_bar, const Tile<Real>& assigned_bar) {
    const Matrix<Real> a = transposed(work.assigned).head_rows(count);         // [m x K]
    const Matrix<Real> a_bar = transposed(assigned_bar).head_rows(count);      // [m x K]
    const Matrix<Real> y = transposed(work.y).head_rows(count);                // [m x F]
    const Matrix<Real> c_bar = transposed(target_bar).head_rows(count);        // [m x F]
    Matrix<Real> bar = c_bar.t() * a;
    bar += softmax.factor * (y.t() * a_bar);
    bar -= softmax.centroids.each_row() % (softmax.factor * arma::sum(a_bar, 0));
    return bar;
}

}  // namespace

template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const BatchTiles& tiles, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar) {
    const Matrix<Real>& centroids = softmax.centroids;
    const arma::mat ratio = representation(step.batch_mass, *tiles.batch);
    const Matrix<Real> mass_bar = arma::conv_to<Matrix<Real>>::from(
        batch_mass_backward(step, *tiles.batch, ratio, after, cells_bar));  // [K x B]

    const Tiles chunks = chunks_of(tiles);
    const bool want_centroids = centroids_bar != nullptr;
    std::vector<arma::mat> partial_bars(want_centroids ? chunks.count() : 0,
                                        arma::mat(arma::size(centroids), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Workspace<Real> work(softmax);
        Tile<Real> y_bar(centroids.n_rows);
        Tile<Real> target_bar(centroids.n_rows);    // the adjoint of C A
        Tile<Real> assigned_bar(centroids.n_cols);  // the adjoint of A, then of the logits
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles.runs[t];
            const TileCells members = tiles.cells(run);
            assign(softmax, step.cells, members, work, nullptr);
            load(cells_bar, members, y_bar);
            Real rate[tile_width] = {};
            for (std::size_t i = 0; i < members.count; ++i) {
                const double s = ratio(step.top_cluster[members.columns[i]], run.batch);
                rate[i] = static_cast<Real>(step_size * std::clamp(s, min_ratio, max_ratio));
            }
            move_towards_backward(members.count, rate, y_bar, target_bar);
            // A enters through C A and through the mass of the cell's batch
            multiply(softmax.to_logits, target_bar, members.count, assigned_bar);
            softmax_backward(work.assigned, members.count, mass_bar.colptr(run.batch), assigned_bar);
            multiply(softmax.to_cells, assigned_bar, members.count, work.target);
            add_scaled(work.target, members.count, softmax.factor, y_bar);
            store(y_bar, members, cells_bar);
            if (want_centroids) {
                partial_bars[chunk] += arma::conv_to<arma::mat>::from(
                    centroids_backward(softmax, members.count, work, target_bar, assigned_bar));
            }
        }
    });
    if (want_centroids) *centroids_bar += arma::conv_to<Matrix<Real>>::from(ordered_sum(partial_bars));
}

#define BCBENCH_INSTANTIATE(Real)                                                                                   \
    template Softmax<Real> make_softmax(const Matrix<Real>&, const Options&);                                       \
    template Matrix<Real> assign_all(const Softmax<Real>&, const Matrix<Real>&);                                    \
    template void iterate(const Softmax<Real>&, const BatchTiles&, Matrix<Real>&, Matrix<Real>&, Step<Real>*);      \
    template void iterate_backward(const Softmax<Real>&, const BatchTiles&, const Step<Real>&, const Matrix<Real>&, \
                                   Matrix<Real>&, Matrix<Real>*);                                                   \
    template std::uint64_t with_choices(std::uint64_t, const Labels&, const Step<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
