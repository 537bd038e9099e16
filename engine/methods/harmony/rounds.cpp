#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/methods/harmony/objective.hpp"
#include "engine/methods/harmony/state.hpp"

namespace bcbench::harmony {

using arma::uword;

template <class Real>
State<Real> make_state(const Problem& problem, const Options& options, arma::mat centroids) {
    const std::size_t width = padded<Real>(problem.n_clusters + 1);
    const std::size_t n = problem.levels.n_cells();
    State<Real> state{
        problem,
        options.variant,
        options.covariate_penalty,
        width,
        padded<Real>(problem.n_features),
        Buffer<Real>(width),
        std::adjacent_find(problem.sigma.begin(), problem.sigma.end(), std::not_equal_to<>()) == problem.sigma.end(),
        std::move(centroids),
        Buffer<Real>(n * width),
        arma::mat(problem.n_clusters, problem.levels.levels.size(), arma::fill::zeros),
        arma::vec(problem.n_clusters, arma::fill::zeros),
        {},
        {},
        std::vector<std::uint32_t>(n, 0),
        {}};
    state.sigma.zero();
    std::transform(problem.sigma.begin(), problem.sigma.end(), state.sigma.get(),
                   [](double sigma) { return static_cast<Real>(sigma); });
    return state;
}

template <class Real>
Centroids<Real> pack_for_logits(const State<Real>& state) {
    const std::vector<double>& sigma = state.problem.sigma;
    std::vector<double> scale(sigma.size());
    std::vector<double> offset(sigma.size());
    for (std::size_t k = 0; k < sigma.size(); ++k) {
        scale[k] = 2.0 * std::numbers::log2e / sigma[k];
        offset[k] = -scale[k];
    }
    return pack<Real>(state.centroids, scale, offset, state.width);
}

template <class Real>
void store_logits(State<Real>& state, const Centroids<Real>& packed, const Real* rows, std::size_t first,
                  std::size_t count) {
    Real* logits = state.logits.get() + first * state.width;
    products(packed, rows, count, state.feature_width, logits);
    store_highest(logits, count, state.problem.n_clusters, state.width);
}

template <class Real>
void compute_logits(State<Real>& state, const Matrix<Real>& cells) {
    const Levels& levels = state.problem.levels;
    const Centroids<Real> packed = pack_for_logits(state);
    parallel_for(levels.segments.size(), [&](std::size_t s) {
        Buffer<Real> rows(tile_width * state.feature_width);
        const Segment& segment = levels.segments[s];
        for (std::size_t t = segment.first_tile; t < segment.first_tile + segment.n_tiles; ++t) {
            const Tile& tile = levels.tiles[t];
            load_rows(cells, levels.order.data() + tile.first, tile.count, state.feature_width, rows.get());
            to_unit(rows.get(), tile.count, state.feature_width);
            store_logits(state, packed, rows.get(), tile.first, tile.count);
        }
    });
    count_operations(levels.n_cells(), 2 * state.centroids.n_elem);
}

template <class Real>
void assign_tile(const State<Real>& state, const Tile& tile, Real* assigned) {
    const Factor<Real>* factors[tile_width];
    for (std::size_t i = 0; i < tile.count; ++i) factors[i] = &state.factors[state.group_of[tile.first + i]];
    assign_tile(state.logits.get() + tile.first * state.width, factors, tile.count, state.problem.n_clusters,
                state.width, assigned);
}

namespace {

/// Runs are handed to threads in fixed pieces of about this many cells.
constexpr std::size_t cells_of_piece = 512;

std::vector<std::uint32_t> cut_runs(const Round& round, std::size_t first_run, std::size_t end_run) {
    std::vector<std::uint32_t> first{static_cast<std::uint32_t>(first_run)};
    std::size_t cells = 0;
    for (std::size_t r = first_run; r < end_run; ++r) {
        if (cells >= cells_of_piece) {
            first.push_back(static_cast<std::uint32_t>(r));
            cells = 0;
        }
        cells += round.runs[r].count;
    }
    first.push_back(static_cast<std::uint32_t>(end_run));
    return first;
}

/// Sums of R over runs.
template <class Real>
struct RunSums {
    Buffer<Real> shares;  // [runs x width]
    std::vector<SoftParts> parts;
};

/// Assigns the runs first_run .. end_run - 1 with the factors of their groups.
template <class Real, class FactorOf>
void assign_runs(const State<Real>& state, const Round& round, std::size_t first_run, std::size_t end_run,
                 const FactorOf& factor_of, RunSums<Real>& sums) {
    const std::size_t n_runs = end_run - first_run;
    if (sums.shares.size() < n_runs * state.width) sums.shares = Buffer<Real>(n_runs * state.width);
    sums.parts.resize(std::max(sums.parts.size(), n_runs));
    const std::vector<std::uint32_t> pieces = cut_runs(round, first_run, end_run);
    parallel_for(pieces.size() - 1, [&](std::size_t piece) {
        for (std::size_t r = pieces[piece]; r < pieces[piece + 1]; ++r) {
            const Run& run = round.runs[r];
            const SoftRun<Real> soft{state.logits.get(), round.positions.data() + run.first,
                                     run.count,          state.problem.n_clusters,
                                     state.width,        factor_of(run.group),
                                     state.sigma.get(),  state.same_sigma};
            sums.parts[r - first_run] = assign_run(soft, sums.shares.get() + (r - first_run) * state.width);
        }
    });
}

/// What a share of a group changes in O and the masses: sign is 1 or -1.
template <class Real>
void add_share(State<Real>& state, std::uint32_t combination, const double* share, double sign) {
    const Levels& levels = state.problem.levels;
    for (std::size_t c = 0; c < levels.n_covariates(); ++c) {
        double* observed = state.observed.colptr(levels.levels_of(combination)[c]);
        for (std::size_t k = 0; k < state.problem.n_clusters; ++k) observed[k] += sign * share[k];
    }
    for (std::size_t k = 0; k < state.problem.n_clusters; ++k) state.mass[k] += sign * share[k];
}

/// Powers of 2 below it relative to a row's highest make no difference to a sum that is not below it either.
template <class Real>
constexpr double widest = sizeof(Real) == sizeof(float) ? 90.0 : 900.0;

/// The penalty factors of a group's cells; to `row` [width].
template <class Real>
Factor<Real> compute_factor(const State<Real>& state, std::uint32_t combination, Real* row) {
    const Problem& problem = state.problem;
    const std::uint32_t* levels = problem.levels.levels_of(combination);
    const std::size_t n_covariates = problem.levels.n_covariates();
    for (std::size_t k = 0; k < problem.n_clusters; ++k) {
        double sum = 0.0;  // of logarithms
        double highest = -INFINITY;
        for (std::size_t c = 0; c < n_covariates; ++c) {
            const double one = log_penalty(state, k, levels[c]);
            sum += one;
            highest = std::max(highest, one);
        }
        if (state.covariate_penalty == CovariatePenalty::sum && n_covariates > 1) {
            double relative = 0.0;  // sum of factors by the highest
            for (std::size_t c = 0; c < n_covariates; ++c) {
                relative += std::exp2(log_penalty(state, k, levels[c]) - highest);
            }
            sum = highest + std::log2(relative);
        }
        row[k] = static_cast<Real>(sum);
    }
    std::fill(row + problem.n_clusters, row + state.width, static_cast<Real>(-1e30));
    const auto [low, high] = std::minmax_element(row, row + problem.n_clusters);
    return {row, *high, static_cast<double>(*high - *low) > widest<Real>};
}

void clamp_to_zero(double* values, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) values[i] = std::max(values[i], 0.0);
}

/// Adds the sums of runs to those of their groups, and of the next round's groups, in the order of the runs.
template <class Real>
void collect(const State<Real>& state, const Round& round, std::size_t first_run, std::size_t end_run,
             const RunSums<Real>& sums, std::size_t first_group, std::vector<double>& shares,
             std::vector<double>* next_shares, SoftParts& parts) {
    for (std::size_t r = first_run; r < end_run; ++r) {
        const Run& run = round.runs[r];
        const Real* share = sums.shares.get() + (r - first_run) * state.width;
        add_to(share, state.width, shares.data() + (run.group - first_group) * state.width);
        if (next_shares != nullptr && run.next_group != no_group) {
            add_to(share, state.width, next_shares->data() + run.next_group * state.width);
        }
        parts.logit += sums.parts[r - first_run].logit;
        parts.entropy += sums.parts[r - first_run].entropy;
    }
}

}  // namespace

template <class Real>
void without_penalty(State<Real>& state) {
    const std::size_t n_clusters = state.problem.n_clusters;
    state.factor_rows = Buffer<Real>(state.width);
    std::fill(state.factor_rows.get(), state.factor_rows.get() + n_clusters, Real(0));
    std::fill(state.factor_rows.get() + n_clusters, state.factor_rows.get() + state.width, static_cast<Real>(-1e30));
    state.factors.assign(1, {state.factor_rows.get(), Real(0), false});
    std::fill(state.group_of.begin(), state.group_of.end(), 0U);
}

template <class Real>
Objective restart(State<Real>& state, const Round& first_round) {
    without_penalty(state);
    RunSums<Real> sums;
    const std::size_t n_runs = first_round.runs.size();
    assign_runs(
        state, first_round, 0, n_runs, [&](std::uint32_t) { return state.factors[0]; }, sums);
    SoftParts parts;
    // the shares of the groups of the first round: what it takes off first
    state.next_shares.assign(first_round.groups.size() * state.width, 0.0);
    collect(state, first_round, 0, n_runs, sums, 0, state.next_shares, nullptr, parts);
    state.observed.zeros();
    state.mass.zeros();
    for (std::size_t g = 0; g < first_round.groups.size(); ++g) {
        add_share(state, first_round.groups[g].combination, state.next_shares.data() + g * state.width, 1.0);
    }
    return objective(state, parts);
}

template <class Real>
Objective run_round(State<Real>& state, const Round& round) {
    const std::vector<double> old_shares = std::move(state.next_shares);
    state.next_shares.assign(round.n_next_groups * state.width, 0.0);
    state.factor_rows = Buffer<Real>(round.groups.size() * state.width);
    state.factors.resize(round.groups.size());
    RunSums<Real> sums;
    SoftParts parts;
    for (std::size_t block = 0; block + 1 < round.first_group.size(); ++block) {
        const std::size_t first_group = round.first_group[block];
        const std::size_t end_group = round.first_group[block + 1];
        for (std::size_t g = first_group; g < end_group; ++g) {
            add_share(state, round.groups[g].combination, old_shares.data() + g * state.width, -1.0);
        }
        // what was added and taken away may leave less than nothing
        for (std::size_t g = first_group; g < end_group; ++g) {
            for (std::size_t c = 0; c < state.problem.levels.n_covariates(); ++c) {
                clamp_to_zero(state.observed.colptr(state.problem.levels.levels_of(round.groups[g].combination)[c]),
                              state.problem.n_clusters);
            }
        }
        clamp_to_zero(state.mass.memptr(), state.problem.n_clusters);
        for (std::size_t g = first_group; g < end_group; ++g) {
            state.factors[g] =
                compute_factor(state, round.groups[g].combination, state.factor_rows.get() + g * state.width);
        }
        const std::size_t first_run = round.first_run[block];
        const std::size_t end_run = round.first_run[block + 1];
        assign_runs(
            state, round, first_run, end_run, [&](std::uint32_t group) { return state.factors[group]; }, sums);
        std::vector<double> shares((end_group - first_group) * state.width, 0.0);
        collect(state, round, first_run, end_run, sums, first_group, shares, &state.next_shares, parts);
        for (std::size_t g = first_group; g < end_group; ++g) {
            add_share(state, round.groups[g].combination, shares.data() + (g - first_group) * state.width, 1.0);
        }
    }
    for (const Run& run : round.runs) {
        for (std::size_t i = run.first; i < run.first + run.count; ++i) state.group_of[round.positions[i]] = run.group;
    }
    return objective(state, parts);
}

#define BCBENCH_INSTANTIATE(Real)                                                                            \
    template State<Real> make_state(const Problem&, const Options&, arma::mat);                              \
    template Centroids<Real> pack_for_logits(const State<Real>&);                                            \
    template void store_logits(State<Real>&, const Centroids<Real>&, const Real*, std::size_t, std::size_t); \
    template void without_penalty(State<Real>&);                                                             \
    template void compute_logits(State<Real>&, const Matrix<Real>&);                                         \
    template void assign_tile(const State<Real>&, const Tile&, Real*);                                       \
    template Objective restart(State<Real>&, const Round&);                                                  \
    template Objective run_round(State<Real>&, const Round&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::harmony
