#include "engine/methods/harmony/method.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/methods/harmony/correction.hpp"
#include "engine/methods/harmony/objective.hpp"
#include "engine/methods/harmony/state.hpp"

namespace bcbench::harmony {

namespace {

/// Rounds are made a few at a time: their draws do not depend on each other.
constexpr std::size_t rounds_at_a_time = 4;

/// Below this many cells threads wait for each other longer than they work.
constexpr std::size_t cells_for_threads = 20000;

/// Keeps the loops of few cells on one thread while it lives.
class ThreadsFor {
  public:
    explicit ThreadsFor(std::size_t n_cells) : before_(thread_count()) {
        if (n_cells < cells_for_threads) set_thread_count(1);
    }
    ~ThreadsFor() { set_thread_count(before_); }
    ThreadsFor(const ThreadsFor&) = delete;
    ThreadsFor& operator=(const ThreadsFor&) = delete;

  private:
    unsigned before_;
};

/// Refuses cells that are not finite, naming the first.
template <class Real>
void require_finite_cells(const Matrix<Real>& cells) {
    if (cells.is_finite()) return;
    arma::uword entry = 0;
    while (std::isfinite(cells[entry])) ++entry;
    throw std::invalid_argument("cell " + std::to_string(entry / cells.n_rows) + ", feature " +
                                std::to_string(entry % cells.n_rows) +
                                " (counted from 0) is not finite; harmony takes finite numbers");
}

/// y_k = sum_i R_ki zhat_i, to unit length.
template <class Real>
void centre(State<Real>& state, const Matrix<Real>& corrected) {
    const Sums sums = sum_products(state, corrected, true);
    state.centroids.zeros();
    for (const std::vector<double>& part : sums.products) {
        for (std::size_t k = 0; k < state.problem.n_clusters; ++k) {
            for (std::size_t f = 0; f < corrected.n_rows; ++f) state.centroids(f, k) += part[f * state.width + k];
        }
    }
    scale_to_unit(state.centroids);
}

/// The rounds of one iteration, from round `done` of the run on; returns how many.
template <class Real>
std::int64_t run_rounds(State<Real>& state, const Rounds& rounds, std::vector<Round> at_hand, std::size_t done,
                        const Options& options, Result<Real>& result) {
    const auto most = static_cast<std::size_t>(state.problem.max_rounds);
    const bool first_version = state.variant == Variant::harmony1;
    std::size_t place = 0;  // in at_hand
    for (std::size_t round = 0; round < most; ++round, ++place) {
        if (place == at_hand.size()) {
            const std::size_t count = std::min(rounds_at_a_time, most - round);
            at_hand = rounds.make(done + round, count, first_version || round + count < most);
            place = 0;
        }
        if (first_version) {
            centre(state, result.corrected);
            compute_logits(state, result.corrected);
        }
        result.objective_rounds.push_back(run_round(state, at_hand[place]));
        const auto so_far = static_cast<std::int64_t>(round + 1);
        if (options.epsilon_cluster &&
            rounds_have_converged(result.objective_rounds, so_far, *options.epsilon_cluster, state.variant)) {
            return so_far;
        }
    }
    return state.problem.max_rounds;
}

/// Whether the run ends after an iteration, and why.
bool ends(const Options& options, const std::vector<double>& objective, std::int64_t iteration, Status& status) {
    const double before = objective[objective.size() - 2];
    const double change = before == 0.0 ? 0.0 : (before - objective.back()) / std::abs(before);
    if (options.epsilon_harmony && change < *options.epsilon_harmony && (options.stop_on_increase || change >= 0.0)) {
        status = change < 0.0 ? Status::objective_rose : Status::converged;
        return true;
    }
    status = Status::max_iterations;
    return iteration == options.max_iter;
}

template <class Real>
void report(const State<Real>& state, Result<Real>& result) {
    result.centroids = state.centroids;
    result.cluster_weight = state.mass;
    result.observed = state.observed;
    result.expected = state.mass * arma::rowvec(state.problem.share);
    result.levels = state.problem.levels.levels;
    result.theta = state.problem.theta;
    result.sigma = state.problem.sigma;
    result.notes = state.problem.notes;
    for (const arma::mat* values : {&result.observed, &result.centroids, &result.cluster_sum}) {
        require_finite(*values, "harmony: a cluster");
    }
    require_finite(result.corrected, "a corrected embedding");
}

/// Ends a run whose cells stay as they are.
template <class Real>
void finish_unchanged(State<Real>& state, const Matrix<Real>& cells, const Options& options, Result<Real>& result) {
    result.corrected = cells;
    result.coefficients.zeros(cells.n_rows, state.problem.levels.levels.size(), state.problem.n_clusters);
    result.kept.resize(state.problem.n_clusters);
    Matrix<Real> same(arma::size(cells), arma::fill::none);
    Outputs<Real> outputs;
    outputs.cluster_sum = &result.cluster_sum;
    apply_effects(state, cells, result.coefficients, outputs);
    if (options.keep_assignments) result.assignments = all_assignments(state);
    report(state, result);
}

template <class Real>
void iterate(State<Real>& state, const Matrix<Real>& cells, const Options& options, const Rounds& rounds,
             Result<Real>& result) {
    const bool first_version = state.variant == Variant::harmony1;
    const auto max_rounds = static_cast<std::size_t>(state.problem.max_rounds);
    const std::vector<std::uint32_t>& first_level = state.problem.levels.first_level;
    const bool one_level_each = state.problem.levels.levels.size() + 1 == first_level.size();
    if (first_version) result.corrected = cells;
    std::size_t done = 0;  // rounds
    for (std::int64_t iteration = 1;; ++iteration) {
        const std::size_t count = std::min(rounds_at_a_time, max_rounds);
        std::vector<Round> at_hand = rounds.make(done, count, first_version || count < max_rounds);
        if (iteration == 1 || !first_version) {
            const Objective start = restart(state, at_hand.front());
            if (iteration == 1) {
                result.objective_rounds.push_back(start);
                result.objective.push_back(start.total());
            }
        }
        result.rounds.push_back(run_rounds(state, rounds, std::move(at_hand), done, options, result));
        done += static_cast<std::size_t>(result.rounds.back());
        result.objective.push_back(result.objective_rounds.back().total());
        result.iterations = iteration;
        if (one_level_each) {
            result.status = Status::nothing_to_correct;
            return finish_unchanged(state, cells, options, result);
        }
        const bool last = ends(options, result.objective, iteration, result.status);
        Effects effects = solve_effects(state, sum_products(state, cells, false), options);
        Outputs<Real> outputs;
        outputs.next_logits = !last && !first_version;
        if (last || first_version) {
            result.corrected.set_size(cells.n_rows, cells.n_cols);
            outputs.corrected = &result.corrected;
        }
        if (last) {
            outputs.cluster_sum = &result.cluster_sum;
            if (options.keep_assignments) {
                result.assignments.set_size(state.problem.n_clusters, cells.n_cols);
                outputs.assignments = &result.assignments;
            }
        }
        apply_effects(state, cells, effects.coefficients, outputs);
        if (!last) continue;
        result.coefficients = std::move(effects.coefficients);
        result.kept = std::move(effects.kept);
        return report(state, result);
    }
}

}  // namespace

template <class Real>
Result<Real> forward(const Matrix<Real>& cells, std::span<const Labels> covariates, const Options& options,
                     const Choices& choices) {
    validate(options);
    require(cells.n_rows >= 1, "harmony needs at least 1 feature, got 0");
    const ThreadsFor threads(cells.n_cols);
    const Problem problem = make_problem(options, cells.n_rows, make_levels(cells.n_cols, covariates));
    require_finite_cells(cells);
    const auto seed = static_cast<std::uint64_t>(options.seed);
    Result<Real> result;
    if (choices.seeds.empty()) {
        Seeds drawn = draw_seeds(cells, problem.n_clusters, seed);
        result.start_cells = std::move(drawn.start_cells);
        result.seeds = std::move(drawn.seeds);
    } else {
        result.seeds = choices.seeds;
        require(result.seeds.size() == problem.n_clusters &&
                    *std::max_element(result.seeds.begin(), result.seeds.end()) < cells.n_cols,
                "the seed cells must be n_clusters indices of cells");
    }
    const Rounds rounds(problem, seed, choices.orders);
    State<Real> state = make_state<Real>(problem, options, first_centroids(cells, result.seeds, options.lloyd_steps));
    compute_logits(state, cells);
    if (options.max_iter > 0) {
        iterate(state, cells, options, rounds, result);
    } else {
        const Objective start = restart(state, rounds.whole());
        result.objective_rounds.push_back(start);
        result.objective.push_back(start.total());
        finish_unchanged(state, cells, options, result);
    }
    return result;
}

template Result<float> forward(const Matrix<float>&, std::span<const Labels>, const Options&, const Choices&);
template Result<double> forward(const Matrix<double>&, std::span<const Labels>, const Options&, const Choices&);

}  // namespace bcbench::harmony
