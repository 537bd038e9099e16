#include "engine/methods/harmony/correction.hpp"

#include <algorithm>

#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/methods/harmony/in_order.hpp"

namespace bcbench::harmony {

using arma::uword;

namespace {

/// Tiles whose products are summed in Real before they go to double.
constexpr std::size_t tiles_of_sum = 8;

/// sum over rows of a' b, a [rows x feature_width] and b [rows x width], in Real for a few tiles and then in double.
template <class Real>
class ProductSum {
  public:
    ProductSum(std::size_t n_features, std::size_t feature_width, std::size_t width, std::vector<double>& total)
        : n_features_(n_features),
          feature_width_(feature_width),
          width_(width),
          total_(total),
          partial_(n_features * width) {
        partial_.zero();
        total_.assign(n_features * width, 0.0);
    }
    void add(const Real* a, const Real* b, std::size_t rows) {
        multiply<Real>({n_features_, rows, width_, a, 1, feature_width_, b, partial_.get(), true, nullptr, nullptr});
        if (++tiles_ % tiles_of_sum == 0) finish();
    }
    void finish() { flush(partial_.get(), n_features_ * width_, total_.data()); }

  private:
    std::size_t n_features_;
    std::size_t feature_width_;
    std::size_t width_;
    std::vector<double>& total_;
    Buffer<Real> partial_;
    std::size_t tiles_ = 0;
};

/// sum += part; an empty sum becomes the part.
void add_part(std::vector<double>&& part, std::vector<double>& sum) {
    if (sum.empty()) {
        sum = std::move(part);
    } else {
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
    }
}

/// Levels that a cluster's regression keeps: those with enough of their cells in the cluster, in covariates that have
/// two such levels. [B]
template <class Real>
std::vector<char> kept_levels(const State<Real>& state, std::size_t cluster, double cutoff) {
    const Levels& levels = state.problem.levels;
    std::vector<char> kept(levels.levels.size(), 0);
    if (!(state.mass[cluster] > 0.0)) return kept;
    for (std::size_t c = 0; c < levels.n_covariates(); ++c) {
        std::size_t count = 0;
        for (std::uint32_t b = levels.first_level[c]; b < levels.first_level[c + 1]; ++b) {
            const double share = state.observed(cluster, b) / static_cast<double>(levels.levels[b].n_cells);
            kept[b] = state.variant == Variant::harmony1 || share > cutoff;
            count += kept[b] != 0;
        }
        if (count >= 2) continue;
        std::fill(kept.begin() + levels.first_level[c], kept.begin() + levels.first_level[c + 1], 0);
    }
    return kept;
}

}  // namespace

template <class Real>
Sums sum_products(const State<Real>& state, const Matrix<Real>& cells, bool unit) {
    const Levels& levels = state.problem.levels;
    struct Part {
        std::vector<double> products, weights;
    };
    Sums sums{std::vector<std::vector<double>>(levels.n_combinations()),
              std::vector<std::vector<double>>(levels.n_combinations())};
    InOrder<Part> parts([&](std::size_t s, Part&& part) {
        const std::size_t combination = levels.segments[s].combination;
        add_part(std::move(part.products), sums.products[combination]);
        add_part(std::move(part.weights), sums.weights[combination]);
    });
    parallel_for(levels.segments.size(), [&](std::size_t s) {
        Buffer<Real> rows(tile_width * state.feature_width);
        Buffer<Real> assigned(tile_width * state.width);
        Part part;
        ProductSum<Real> sum(cells.n_rows, state.feature_width, state.width, part.products);
        part.weights.assign(state.width, 0.0);
        const Segment& segment = levels.segments[s];
        for (std::size_t t = segment.first_tile; t < segment.first_tile + segment.n_tiles; ++t) {
            const Tile& tile = levels.tiles[t];
            load_rows(cells, levels.order.data() + tile.first, tile.count, state.feature_width, rows.get());
            if (unit) to_unit(rows.get(), tile.count, state.feature_width);
            assign_tile(state, tile, assigned.get());
            sum.add(rows.get(), assigned.get(), tile.count);
            add_rows(assigned.get(), tile.count, state.width, part.weights.data());
        }
        sum.finish();
        parts.give(s, std::move(part));
    });
    count_operations(cells.n_cols, 2 * cells.n_rows * state.problem.n_clusters);
    return sums;
}

template <class Real>
Effects solve_effects(State<Real>& state, const Sums& sums, const Options& options) {
    const Problem& problem = state.problem;
    const Levels& levels = problem.levels;
    const std::size_t n_levels = levels.levels.size();
    Effects effects;
    effects.coefficients.zeros(problem.n_features, n_levels, problem.n_clusters);
    effects.kept.resize(problem.n_clusters);
    parallel_for(problem.n_clusters, [&](std::size_t k) {
        Ridge ridge{levels, kept_levels(state, k, options.batch_prop_cutoff), {}, problem.lambda, {}, {}, 0.0, {}};
        for (std::size_t b = 0; b < n_levels; ++b) {
            if (ridge.kept[b] != 0) effects.kept[k].push_back(static_cast<std::uint32_t>(b));
            ridge.has_row.push_back(ridge.kept[b] != 0 && problem.is_reference[b] == 0);
        }
        if (effects.kept[k].empty()) return;
        if (ridge.lambda.empty()) {
            for (const double share : problem.share) ridge.lambda.push_back(options.alpha * share * state.mass[k]);
        }
        ridge.weights.set_size(levels.n_combinations());
        ridge.sums.set_size(problem.n_features, levels.n_combinations());
        for (std::size_t g = 0; g < levels.n_combinations(); ++g) {
            ridge.weights[g] = sums.weights[g][k];
            for (std::size_t f = 0; f < problem.n_features; ++f) {
                ridge.sums(f, g) = sums.products[g][f * state.width + k];
            }
        }
        const arma::mat solution = solve(ridge);
        if (state.variant == Variant::harmony2) state.centroids.col(k) = solution.col(0);
        effects.coefficients.slice(k) = solution.tail_cols(n_levels);
    });
    if (state.variant == Variant::harmony2) scale_to_unit(state.centroids);
    return effects;
}

namespace {

/// -(sum of the coefficients of a combination's levels), a row per cluster. [G][K x feature_width]
template <class Real>
Buffer<Real> pack_effects(const State<Real>& state, const arma::cube& coefficients) {
    const Levels& levels = state.problem.levels;
    const std::size_t size = state.problem.n_clusters * state.feature_width;
    Buffer<Real> packed(levels.n_combinations() * size);
    packed.zero();
    parallel_for(levels.n_combinations(), [&](std::size_t g) {
        for (std::size_t k = 0; k < state.problem.n_clusters; ++k) {
            for (std::size_t f = 0; f < state.problem.n_features; ++f) {
                double sum = 0.0;
                for (std::size_t c = 0; c < levels.n_covariates(); ++c)
                    sum -= coefficients(f, levels.levels_of(g)[c], k);
                packed.get()[g * size + k * state.feature_width + f] = static_cast<Real>(sum);
            }
        }
    });
    return packed;
}

/// Rows [count x width] to columns of `matrix`.
template <class Real>
void store_rows(const Real* rows, std::size_t width, const std::uint32_t* columns, std::size_t count,
                Matrix<Real>& matrix) {
    for (std::size_t i = 0; i < count; ++i) {
        std::copy(rows + i * width, rows + i * width + matrix.n_rows, matrix.colptr(columns[i]));
    }
}

}  // namespace

template <class Real>
void apply_effects(State<Real>& state, const Matrix<Real>& cells, const arma::cube& coefficients,
                   const Outputs<Real>& outputs) {
    const Levels& levels = state.problem.levels;
    const std::size_t n_clusters = state.problem.n_clusters;
    const bool want_sum = outputs.cluster_sum != nullptr;
    const Buffer<Real> effects = pack_effects(state, coefficients);
    const Centroids<Real> packed = pack_for_logits(state);
    if (want_sum) outputs.cluster_sum->zeros(cells.n_rows, n_clusters);
    InOrder<std::vector<double>> sums([&](std::size_t, std::vector<double>&& part) {
        for (uword k = 0; k < n_clusters; ++k) {
            for (uword f = 0; f < cells.n_rows; ++f) (*outputs.cluster_sum)(f, k) += part[f * state.width + k];
        }
    });
    parallel_for(levels.segments.size(), [&](std::size_t s) {
        Buffer<Real> rows(tile_width * state.feature_width);
        Buffer<Real> assigned(tile_width * state.width);
        std::vector<double> total;
        ProductSum<Real> sum(want_sum ? cells.n_rows : 0, state.feature_width, state.width, total);
        const Segment& segment = levels.segments[s];
        const Real* effect = effects.get() + segment.combination * n_clusters * state.feature_width;
        for (std::size_t t = segment.first_tile; t < segment.first_tile + segment.n_tiles; ++t) {
            const Tile& tile = levels.tiles[t];
            const std::uint32_t* columns = levels.order.data() + tile.first;
            load_rows(cells, columns, tile.count, state.feature_width, rows.get());
            assign_tile(state, tile, assigned.get());
            multiply<Real>({tile.count, n_clusters, state.feature_width, assigned.get(), state.width, 1, effect,
                            rows.get(), true, nullptr, nullptr});
            if (outputs.corrected != nullptr) {
                store_rows(rows.get(), state.feature_width, columns, tile.count, *outputs.corrected);
            }
            if (outputs.assignments != nullptr) {
                store_rows(assigned.get(), state.width, columns, tile.count, *outputs.assignments);
            }
            if (want_sum) sum.add(rows.get(), assigned.get(), tile.count);
            if (!outputs.next_logits) continue;
            to_unit(rows.get(), tile.count, state.feature_width);
            store_logits(state, packed, rows.get(), tile.first, tile.count);
        }
        sum.finish();
        if (want_sum) sums.give(s, std::move(total));
    });
    const std::uint64_t n_products = 1U + (outputs.next_logits ? 1U : 0U) + (want_sum ? 1U : 0U);
    count_operations(cells.n_cols, 2 * n_products * cells.n_rows * n_clusters);
}

template <class Real>
Matrix<Real> all_assignments(const State<Real>& state) {
    const Levels& levels = state.problem.levels;
    Matrix<Real> assignments(state.problem.n_clusters, levels.n_cells(), arma::fill::none);
    parallel_for(levels.segments.size(), [&](std::size_t s) {
        Buffer<Real> assigned(tile_width * state.width);
        const Segment& segment = levels.segments[s];
        for (std::size_t t = segment.first_tile; t < segment.first_tile + segment.n_tiles; ++t) {
            const Tile& tile = levels.tiles[t];
            assign_tile(state, tile, assigned.get());
            store_rows(assigned.get(), state.width, levels.order.data() + tile.first, tile.count, assignments);
        }
    });
    return assignments;
}

#define BCBENCH_INSTANTIATE(Real)                                                                            \
    template Sums sum_products(const State<Real>&, const Matrix<Real>&, bool);                               \
    template Effects solve_effects(State<Real>&, const Sums&, const Options&);                               \
    template void apply_effects(State<Real>&, const Matrix<Real>&, const arma::cube&, const Outputs<Real>&); \
    template Matrix<Real> all_assignments(const State<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::harmony
