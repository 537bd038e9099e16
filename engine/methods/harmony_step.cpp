#include "engine/methods/harmony_step.hpp"

#include <algorithm>
#include <cmath>

#include "engine/choices.hpp"
#include "engine/linear.hpp"
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
    return {centroids, arma::sum(arma::square(centroids), 0).t(),
            static_cast<Real>(1.0 / (options.sigma * options.temperature))};
}

template <class Real>
void assign(const Softmax<Real>& softmax, const Matrix<Real>& cells, Matrix<Real>& assigned,
            std::uint32_t* top_cluster) {
    assigned = softmax.centroids.t() * cells;
    const uword n_clusters = assigned.n_rows;
    const Real* norms = softmax.squared_norms.memptr();
    for (uword i = 0; i < assigned.n_cols; ++i) {
        Real* column = assigned.colptr(i);
        for (uword k = 0; k < n_clusters; ++k) column[k] = softmax.scale * (2 * column[k] - norms[k]);
        const Real* top = std::max_element(column, column + n_clusters);
        if (top_cluster != nullptr) top_cluster[i] = static_cast<std::uint32_t>(top - column);
        const Real highest = *top;
        Real sum = 0;
        for (uword k = 0; k < n_clusters; ++k) sum += column[k] = std::exp(column[k] - highest);
        for (uword k = 0; k < n_clusters; ++k) column[k] /= sum;
    }
}

template <class Real>
void iterate(const Softmax<Real>& softmax, const Labels& batch, Matrix<Real>& cells, Step<Real>* step) {
    const uword n_clusters = softmax.centroids.n_cols;
    const Tiles chunks = chunks_of(cells.n_cols);
    std::vector<arma::mat> masses(chunks.count(), arma::mat(n_clusters, batch.count(), arma::fill::zeros));
    std::vector<std::uint32_t> top_cluster(cells.n_cols);
    Matrix<Real> soft_centroids(cells.n_rows, cells.n_cols);  // [F x n] C A
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Matrix<Real> assigned(n_clusters, tile_cells);
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            Matrix<Real> tile = columns(assigned, 0, count);  // [K x m]
            assign(softmax, columns(std::as_const(cells), first, count), tile, &top_cluster[first]);
            columns(soft_centroids, first, count) = softmax.centroids * tile;
            for (uword i = 0; i < count; ++i) {
                double* mass = masses[chunk].colptr(batch.code[first + i]);
                for (uword k = 0; k < n_clusters; ++k) mass[k] += static_cast<double>(tile.colptr(i)[k]);
            }
        });
    });
    const arma::mat batch_mass = ordered_sum(masses);
    const arma::mat ratio = representation(batch_mass, batch);
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for (uword i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) {
            const double clipped = std::clamp(ratio(top_cluster[i], batch.code[i]), min_ratio, max_ratio);
            const auto rate = static_cast<Real>(step_size * clipped);
            Real* y = cells.colptr(i);
            const Real* target = soft_centroids.colptr(i);
            for (uword f = 0; f < cells.n_rows; ++f) y[f] += rate * (target[f] - y[f]);
        }
    });
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
    const Tiles chunks = chunks_of(after.n_cols);
    std::vector<arma::mat> ratio_bars(chunks.count(), arma::mat(arma::size(ratio), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for (uword i = chunks.first(chunk); i < chunks.first(chunk) + chunks.size(chunk); ++i) {
            const double s = ratio(step.top_cluster[i], batch.code[i]);
            if (!(s > min_ratio && s < max_ratio)) continue;  // clip: slope 0 outside
            const Real* bar = after_bar.colptr(i);
            const Real* y_after = after.colptr(i);
            const Real* y = step.cells.colptr(i);
            double s_bar = 0.0;
            for (uword f = 0; f < after.n_rows; ++f) {
                s_bar += static_cast<double>(bar[f]) * (static_cast<double>(y_after[f]) - static_cast<double>(y[f]));
            }
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

// Undoes A = softmax(l) column by column, in place: l_bar = A (A_bar - <A, A_bar>).
template <class Real>
void softmax_backward(const Matrix<Real>& assigned, Matrix<Real>& bar) {
    for (uword i = 0; i < bar.n_cols; ++i) {
        const Real* a = assigned.colptr(i);
        Real* a_bar = bar.colptr(i);
        Real mean = 0;
        for (uword k = 0; k < bar.n_rows; ++k) mean += a[k] * a_bar[k];
        for (uword k = 0; k < bar.n_rows; ++k) a_bar[k] = a[k] * (a_bar[k] - mean);
    }
}

}  // namespace

template <class Real>
void iterate_backward(const Softmax<Real>& softmax, const Labels& batch, const Step<Real>& step,
                      const Matrix<Real>& after, Matrix<Real>& cells_bar, Matrix<Real>* centroids_bar) {
    const Matrix<Real>& centroids = softmax.centroids;
    const uword n_clusters = centroids.n_cols;
    const arma::mat ratio = representation(step.batch_mass, batch);
    const Matrix<Real> mass_bar =
        arma::conv_to<Matrix<Real>>::from(batch_mass_backward(step, batch, ratio, after, cells_bar));  // [K x B]

    const Tiles chunks = chunks_of(cells_bar.n_cols);
    const bool want_centroids = centroids_bar != nullptr;
    std::vector<arma::mat> partial_bars(want_centroids ? chunks.count() : 0, arma::mat(arma::size(centroids), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        Matrix<Real> assigned_memory(n_clusters, tile_cells);
        Matrix<Real> assigned_bar_memory(n_clusters, tile_cells);
        for_each_tile(chunks, chunk, [&](uword first, uword count) {
            const Matrix<Real> y = columns(step.cells, first, count);          // [F x m]
            Matrix<Real> y_bar = columns(cells_bar, first, count);             // [F x m]
            Matrix<Real> assigned = columns(assigned_memory, 0, count);        // [K x m]
            Matrix<Real> assigned_bar = columns(assigned_bar_memory, 0, count);  // [K x m]
            assign(softmax, y, assigned, nullptr);
            // y' = (1 - r) y + r C A, r = 0.1 s
            Matrix<Real> target_bar(y.n_rows, count);  // [F x m] adjoint of C A
            for (uword i = 0; i < count; ++i) {
                const double s = ratio(step.top_cluster[first + i], batch.code[first + i]);
                const auto rate = static_cast<Real>(step_size * std::clamp(s, min_ratio, max_ratio));
                target_bar.col(i) = rate * y_bar.col(i);
                y_bar.col(i) -= target_bar.col(i);
            }
            // A enters through C A and through the mass of the cell's batch
            assigned_bar = centroids.t() * target_bar;
            for (uword i = 0; i < count; ++i) assigned_bar.col(i) += mass_bar.col(batch.code[first + i]);
            softmax_backward(assigned, assigned_bar);  // now the adjoint of the logits scale (2 c.y - ||c||^2)
            y_bar += 2 * softmax.scale * (centroids * assigned_bar);
            if (want_centroids) {
                Matrix<Real> tile_bar = target_bar * assigned.t();
                tile_bar += 2 * softmax.scale * (y * assigned_bar.t());
                const Vector<Real> norms_bar = -2 * softmax.scale * arma::sum(assigned_bar, 1);
                tile_bar += centroids.each_row() % norms_bar.t();
                partial_bars[chunk] += arma::conv_to<arma::mat>::from(tile_bar);
            }
        });
    });
    if (want_centroids) *centroids_bar += arma::conv_to<Matrix<Real>>::from(ordered_sum(partial_bars));
}

#define BCBENCH_INSTANTIATE(Real)                                                                                   \
    template Softmax<Real> make_softmax(const Matrix<Real>&, const Options&);                                       \
    template void assign(const Softmax<Real>&, const Matrix<Real>&, Matrix<Real>&, std::uint32_t*);                 \
    template void iterate(const Softmax<Real>&, const Labels&, Matrix<Real>&, Step<Real>*);                         \
    template void iterate_backward(const Softmax<Real>&, const Labels&, const Step<Real>&, const Matrix<Real>&,     \
                                   Matrix<Real>&, Matrix<Real>*);                                                   \
    template std::uint64_t with_choices(std::uint64_t, const Labels&, const Step<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
