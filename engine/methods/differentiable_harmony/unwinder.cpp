#include "engine/methods/differentiable_harmony/unwinder.hpp"

#include "engine/linear/packed_product.hpp"

namespace bcbench::differentiable_harmony {

namespace {

using arma::uword;

// The rows of a tile as a matrix [tile_width x rows] that shares its memory.
template <class Real>
const Matrix<Real> transposed(const Tile<Real>& tile) {
    return Matrix<Real>(const_cast<Real*>(tile.row(0)), tile_width, tile.n_rows, false, true);
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

    void add(std::size_t count, const Tile<Real>& y, const Workspace<Real>& work) {
        add_product(pack_transposed<Real>(transposed(work.target), count), transposed(work.assigned), through_cells);
        add_product(pack_transposed<Real>(transposed(y), count), transposed(work.logits_bar), through_logits);
        add_row_sums(work.logits_bar, count, logits.memptr());
    }
    arma::mat total(const Softmax<Real>& softmax) const {
        const Matrix<Real> sum =
            through_cells + softmax.factor * (through_logits - softmax.centroids.each_row() % logits);
        return arma::conv_to<arma::mat>::from(sum);
    }
};

// Adds the adjoint of the ratio from one tile of y' = y + 0.1 s (C A - y): s_bar = 0.1 <y'_bar, C A - y>
// = <y'_bar, y' - y> / s.
template <class Real>
void add_ratio_bar(const arma::mat& ratio, const Assignment& assignment, std::uint32_t batch, TileCells members,
                   const Tile<Real>& bar, const Tile<Real>& after, const Tile<Real>& before, arma::mat& ratio_bar) {
    Real dot[tile_width];
    dot_differences(bar, after, before, members.count, dot);
    for (std::size_t i = 0; i < members.count; ++i) {
        const std::uint32_t top = assignment.top_cluster[members.columns[i]];
        const double s = ratio(top, batch);
        if (s > min_ratio && s < max_ratio) ratio_bar(top, batch) += static_cast<double>(dot[i]) / s;  // clip: slope 0
    }
}

// The adjoint of batch_mass [K x B] from that of ratio(k, b) = mass(k, b) / (total(k) + eps) / (g(b) + eps),
// total(k) = sum_b mass(k, b).
arma::mat representation_backward(const arma::mat& mass, const BatchTiles& tiles, arma::mat ratio_bar) {
    for (uword b = 0; b < ratio_bar.n_cols; ++b) ratio_bar.col(b) /= tiles.share[b] + epsilon;
    const arma::vec total = arma::sum(mass, 1) + epsilon;
    const arma::vec total_bar = -arma::sum(ratio_bar % mass, 1) / arma::square(total);
    ratio_bar.each_col() /= total;
    ratio_bar.each_col() += total_bar;
    return ratio_bar;
}

}  // namespace

template <class Real>
Unwinder<Real>::Unwinder(const Softmax<Real>& softmax, const BatchTiles& tiles, const Matrix<Real>& corrected_bar,
                         Matrix<Real>* centroids_bar)
    : softmax_(softmax),
      tiles_(tiles),
      corrected_bar_(&corrected_bar),
      centroids_bar_(centroids_bar),
      bar_(tiles.runs.size(), corrected_bar.n_rows) {}

template <class Real>
void Unwinder<Real>::undo(const std::vector<Step<Real>>& steps, const TileArray<Real>& after, Matrix<Real>* cells_bar) {
    arma::mat ratio_bar = ratio_backward(steps.back(), after);
    for (std::size_t i = steps.size(); i-- > 0;) {
        ratio_bar = undo(steps[i], ratio_bar, i > 0 ? &steps[i - 1] : nullptr, i > 0 ? nullptr : cells_bar);
    }
}

template <class Real>
arma::mat Unwinder<Real>::ratio_backward(const Step<Real>& step, const TileArray<Real>& after) {
    const arma::mat ratio = representation(step.assignment.batch_mass, tiles_);
    const Tiles chunks = chunks_of(tiles_);
    std::vector<arma::mat> ratio_bars(chunks.count(), arma::mat(arma::size(ratio), arma::fill::zeros));
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles_.runs[t];
            const TileCells members = tiles_.cells(run);
            if (corrected_bar_ != nullptr) load(*corrected_bar_, members, bar_[t]);
            add_ratio_bar<Real>(ratio, step.assignment, run.batch, members, bar_[t], after[t], step.cells[t],
                                ratio_bars[chunk]);
        }
    });
    corrected_bar_ = nullptr;
    return ordered_sum(ratio_bars);
}

template <class Real>
arma::mat Unwinder<Real>::undo(const Step<Real>& step, const arma::mat& ratio_bar, const Step<Real>* before,
                               Matrix<Real>* cells_bar) {
    const arma::mat ratio = representation(step.assignment.batch_mass, tiles_);
    const Matrix<Real> mass_bar = arma::conv_to<Matrix<Real>>::from(
        representation_backward(step.assignment.batch_mass, tiles_, ratio_bar));  // [K x B]
    const Matrix<Real> rates = step_rates<Real>(ratio);
    arma::mat ratio_before;
    if (before != nullptr) ratio_before = representation(before->assignment.batch_mass, tiles_);

    const Tiles chunks = chunks_of(tiles_);
    std::vector<arma::mat> ratio_bars(chunks.count(), arma::mat(arma::size(ratio_before), arma::fill::zeros));
    std::vector<arma::mat> centroids_bars(centroids_bar_ != nullptr ? chunks.count() : 0);  // [F x K]
    const auto undo_chunk = [&](std::size_t chunk, Workspace<Real>& work) {
        CentroidsBar<Real> chunk_bar(softmax_.centroids);
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const BatchTiles::Run& run = tiles_.runs[t];
            const TileCells members = tiles_.cells(run);
            const Tile<Real> y = step.cells[t];
            const Tile<Real> bar = bar_[t];
            work.ahead.forget();
            if (t + 1 < tiles_.runs.size()) {
                work.ahead.want(step.cells[t + 1]);
                work.ahead.want(bar_[t + 1]);
                if (before != nullptr) work.ahead.want(before->cells[t + 1]);
            }
            assign(softmax_.to_logits, softmax_.offset.memptr(), y, members.count, work.assigned, nullptr, nullptr,
                   work.ahead);
            find_rates(rates.colptr(run.batch), step.assignment, members, work.rate);
            move_towards_backward(members.count, work.rate, bar, work.target);
            // A enters through C A and through the mass of the cell's batch
            assign_backward(softmax_.transposed, mass_bar.colptr(run.batch), work.target, work.assigned, members.count,
                            work.logits_bar, work.ahead);
            multiply(softmax_.from_logits, work.logits_bar, members.count, true, bar, work.ahead);
            if (centroids_bar_ != nullptr) chunk_bar.add(members.count, y, work);
            if (before != nullptr) {
                add_ratio_bar<Real>(ratio_before, before->assignment, run.batch, members, bar, y, before->cells[t],
                                    ratio_bars[chunk]);
            }
            if (cells_bar != nullptr) store(bar, members, *cells_bar);
        }
        if (centroids_bar_ != nullptr) centroids_bars[chunk] = chunk_bar.total(softmax_);
    };
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        workspaces_.with([&] { return Workspace<Real>(softmax_); },
                         [&](Workspace<Real>& work) { undo_chunk(chunk, work); });
    });
    if (centroids_bar_ != nullptr) *centroids_bar_ += arma::conv_to<Matrix<Real>>::from(ordered_sum(centroids_bars));
    return ordered_sum(ratio_bars);
}

template class Unwinder<float>;
template class Unwinder<double>;

}  // namespace bcbench::differentiable_harmony
