#include "engine/methods/differentiable_harmony/step.hpp"

#include <algorithm>
#include <numbers>
#include <numeric>

#include "engine/core/choices.hpp"

namespace bcbench::differentiable_harmony {

using arma::uword;

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
            pack<Real>(static_cast<Real>(2.0 * scale) * centroids),
            static_cast<Real>(2.0 * scale)};
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
        TileArray<Real> y(1, cells.n_rows);
        TileArray<Real> tile(1, assigned.n_rows);
        Ahead nothing;
        load(cells, members, y[0]);
        shift<Real>(y[0], members.count, -1, softmax.origin.memptr(), y[0]);
        assign(softmax.to_logits, softmax.offset.memptr(), y[0], members.count, tile[0], nullptr, nullptr, nothing);
        store(tile[0], members, assigned);
    });
    return assigned;
}

arma::mat representation(const arma::mat& batch_mass, const BatchTiles& tiles) {
    arma::mat ratio = batch_mass;
    ratio.each_col() /= arma::vec(arma::sum(batch_mass, 1) + epsilon);
    for (uword b = 0; b < ratio.n_cols; ++b) ratio.col(b) /= tiles.share[b] + epsilon;
    return ratio;
}

template <class Real>
Matrix<Real> step_rates(const arma::mat& ratio) {
    constexpr double step_size = 0.1;
    return arma::conv_to<Matrix<Real>>::from(step_size * arma::clamp(ratio, min_ratio, max_ratio));
}

void add_cell_choices(const BatchTiles& tiles, const Assignment& assignment, std::vector<std::uint64_t>& of_cells) {
    const arma::mat ratio = representation(assignment.batch_mass, tiles);
    for (uword i = 0; i < tiles.batch->code.size(); ++i) {
        const double s = ratio(assignment.top_cluster[i], tiles.batch->code[i]);
        const std::uint64_t side = s <= min_ratio ? 0 : s < max_ratio ? 1 : 2;
        of_cells[i] = with_choice(of_cells[i], 3 * std::uint64_t{assignment.top_cluster[i]} + side);
    }
}

#define BCBENCH_INSTANTIATE(Real)                                                \
    template Softmax<Real> make_softmax(const Matrix<Real>&, const Options&);    \
    template Matrix<Real> assign_all(const Softmax<Real>&, const Matrix<Real>&); \
    template Matrix<Real> step_rates(const arma::mat&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
