#include "engine/methods/differentiable_harmony/mover.hpp"

namespace bcbench::differentiable_harmony {

template <class Real>
Mover<Real>::Mover(const Softmax<Real>& softmax, const BatchTiles& tiles, std::size_t n_kept, Matrix<Real>* corrected)
    : softmax_(softmax),
      tiles_(tiles),
      n_kept_(n_kept),
      corrected_(corrected),
      targets_(n_kept, softmax.centroids.n_rows) {}

// For every tile prepare(t, work) gives the state to be assigned; with `next` it is.
template <class Real>
template <class Prepare>
void Mover<Real>::walk(Assignment* next, const Prepare& prepare) {
    const arma::uword n_clusters = softmax_.centroids.n_cols;
    if (next != nullptr) next->top_cluster.resize(tiles_.order.size());
    const Tiles chunks = chunks_of(tiles_);
    std::vector<arma::mat> masses(chunks.count());
    const auto walk_chunk = [&](std::size_t chunk, Workspace<Real>& work) {
        arma::vec tile_mass(n_clusters);
        masses[chunk].zeros(n_clusters, tiles_.batch->count());
        for (std::size_t t = chunks.first(chunk); t < chunks.first(chunk) + chunks.size(chunk); ++t) {
            const Tile<Real> y = prepare(t, work);
            if (next == nullptr) continue;
            const BatchTiles::Run& run = tiles_.runs[t];
            const TileCells members = tiles_.cells(run);
            assign(softmax_.to_logits, softmax_.offset.memptr(), y, members.count, work.assigned, work.top,
                   tile_mass.memptr(), work.ahead);
            masses[chunk].col(run.batch) += tile_mass;
            for (std::size_t i = 0; i < members.count; ++i) next->top_cluster[members.columns[i]] = work.top[i];
            if (t < n_kept_) multiply(softmax_.to_cells, work.assigned, members.count, false, targets_[t], work.ahead);
        }
    };
    parallel_for(chunks.count(), [&](std::size_t chunk) {
        workspaces_.with([&] { return Workspace<Real>(softmax_); },
                         [&](Workspace<Real>& work) { walk_chunk(chunk, work); });
    });
    if (next != nullptr) next->batch_mass = ordered_sum(masses);
}

template <class Real>
void Mover<Real>::start(const Matrix<Real>& cells, TileArray<Real>& state, Assignment& assignment) {
    walk(&assignment, [&](std::size_t t, Workspace<Real>& work) {
        const TileCells members = tiles_.cells(tiles_.runs[t]);
        const bool kept = t < n_kept_;
        const Tile<Real> y = kept ? state[t] : work.y;
        load(cells, members, y);
        shift<Real>(y, members.count, -1, softmax_.origin.memptr(), y);
        if (!kept) store(y, members, *corrected_);
        return y;
    });
}

template <class Real>
void Mover<Real>::go_on(const TileArray<Real>& state, Assignment& assignment) {
    walk(&assignment, [&](std::size_t t, Workspace<Real>& work) {
        work.ahead.forget();
        if (t + 1 < n_kept_) work.ahead.want(state[t + 1]);
        return state[t];
    });
}

template <class Real>
void Mover<Real>::move(const TileArray<Real>& from, const Assignment& assignment, TileArray<Real>& to,
                       Assignment* next) {
    const Matrix<Real> rates = step_rates<Real>(representation(assignment.batch_mass, tiles_));
    walk(next, [&, last = next == nullptr](std::size_t t, Workspace<Real>& work) {
        const BatchTiles::Run& run = tiles_.runs[t];
        const TileCells members = tiles_.cells(run);
        const bool kept = t < n_kept_;
        const Tile<Real> y = kept ? to[t] : work.y;
        if (!kept) {
            load(*corrected_, members, y);
            assign(softmax_.to_logits, softmax_.offset.memptr(), y, members.count, work.assigned, nullptr, nullptr,
                   work.ahead);
            multiply(softmax_.to_cells, work.assigned, members.count, false, work.target, work.ahead);
        }
        work.ahead.forget();
        if (t + 1 < n_kept_) {
            work.ahead.want(from[t + 1]);
            work.ahead.want(targets_[t + 1]);
            if (&to != &from) work.ahead.want(to[t + 1]);
        }
        find_rates(rates.colptr(run.batch), assignment, members, work.rate);
        move_towards(kept ? targets_[t] : work.target, kept ? from[t] : y, members.count, work.rate, y);
        if (last) {
            shift<Real>(y, members.count, 1, softmax_.origin.memptr(), work.target);
            store(work.target, members, *corrected_);
        } else if (!kept) {
            store(y, members, *corrected_);
        }
        return y;
    });
}

template class Mover<float>;
template class Mover<double>;

}  // namespace bcbench::differentiable_harmony
