#include "engine/reference/harmony.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "engine/core/random.hpp"

namespace bcbench::reference {

using arma::uword;

namespace {

// Everything that changes, by the names of the equations.
struct Run {
    const RealHarmonyOptions& options;
    std::vector<std::vector<uword>> level_of;  // [n][C]
    std::vector<std::vector<uword>> levels;    // [C] of each covariate
    arma::vec level_cells;                     // [B] N_b
    arma::vec share;                           // [B] p_b
    arma::vec theta;                           // [B]
    arma::mat unit;                            // [F x n] zhat
    arma::mat y;                               // [F x K]
    arma::mat dist;                            // [K x n]
    arma::mat r;                               // [K x n]
    arma::mat e;                               // [K x B]
    arma::mat o;                               // [K x B]

    uword n() const { return unit.n_cols; }
    uword n_clusters() const { return options.n_clusters; }
    uword n_levels() const { return share.n_elem; }
};

arma::vec unit_vector(const arma::vec& v) {
    double squares = 0.0;
    for (uword f = 0; f < v.n_elem; ++f) squares += v[f] * v[f];
    return squares > 0.0 ? arma::vec(v / std::sqrt(squares)) : arma::vec(v);
}

arma::mat unit_columns(const arma::mat& m) {
    arma::mat scaled(arma::size(m));
    for (uword i = 0; i < m.n_cols; ++i) scaled.col(i) = unit_vector(m.col(i));
    return scaled;
}

double inner(const arma::mat& a, uword i, const arma::mat& b, uword j) {
    double sum = 0.0;
    for (uword f = 0; f < a.n_rows; ++f) sum += a(f, i) * b(f, j);
    return sum;
}

// Seeds: D_i = 2 (1 - zhat_s . zhat_i), the first cell whose cumulative sum exceeds u T.
void draw_seeds(const arma::mat& unit, uword n_clusters, std::uint64_t seed, std::vector<std::uint32_t>& starts,
                std::vector<std::uint32_t>& seeds) {
    const uword n = unit.n_cols;
    const Key start_key = fold_in(make_key(seed), 0);
    const Key seed_key = fold_in(make_key(seed), 1);
    for (uword k = 0; k < n_clusters; ++k) {
        starts.push_back(static_cast<std::uint32_t>((std::uint64_t{random_word(start_key, k)} * n) >> 32));
        std::vector<double> d(n);
        double total = 0.0;
        for (uword i = 0; i < n; ++i) {
            d[i] = std::max(2.0 * (1.0 - inner(unit, starts[k], unit, i)), 0.0);
            if (d[i] < 1e-6 || std::find(seeds.begin(), seeds.end(), i) != seeds.end()) d[i] = 0.0;
            total += d[i];
        }
        const double u = (random_word(seed_key, k) + 0.5) / 4294967296.0;
        uword chosen = n;
        double cumulative = 0.0;
        for (uword i = 0; i < n && chosen == n; ++i) {
            cumulative += d[i];
            if (cumulative > u * total) chosen = i;
        }
        for (uword i = 0; i < n && chosen == n; ++i) {  // no distance left: the lowest free cell
            if (std::find(seeds.begin(), seeds.end(), i) == seeds.end()) chosen = i;
        }
        seeds.push_back(static_cast<std::uint32_t>(chosen));
    }
}

arma::mat lloyd(const arma::mat& unit, const std::vector<std::uint32_t>& seeds, int steps) {
    const uword n_clusters = seeds.size();
    arma::mat y(unit.n_rows, n_clusters);
    for (uword k = 0; k < n_clusters; ++k) y.col(k) = unit.col(seeds[k]);
    for (int step = 0; step < steps; ++step) {
        arma::mat sum(arma::size(y), arma::fill::zeros);
        std::vector<uword> count(n_clusters, 0);
        std::vector<uword> last(n_clusters, 0);
        for (uword i = 0; i < unit.n_cols; ++i) {
            uword nearest = 0;
            double least = INFINITY;
            for (uword k = 0; k < n_clusters; ++k) {
                const double distance = inner(y, k, y, k) - 2.0 * inner(y, k, unit, i);
                if (distance < least) {
                    least = distance;
                    nearest = k;
                }
            }
            sum.col(nearest) += unit.col(i);
            ++count[nearest];
            last[nearest] = i;
        }
        std::vector<uword> donors;
        for (uword k = n_clusters; k-- > 0;) {
            if (count[k] >= 2) donors.push_back(k);
        }
        uword next_donor = 0;
        for (uword k = 0; k < n_clusters; ++k) {
            y.col(k).zeros();
            if (count[k] > 0) {
                y.col(k) = sum.col(k) / static_cast<double>(count[k]);
            } else if (next_donor < donors.size()) {
                y.col(k) = unit.col(last[donors[next_donor++]]);
            }
        }
    }
    return unit_columns(y);
}

void compute_dist(Run& run) {
    for (uword i = 0; i < run.n(); ++i) {
        for (uword k = 0; k < run.n_clusters(); ++k) run.dist(k, i) = 2.0 * (1.0 - inner(run.y, k, run.unit, i));
    }
}

// R_ki proportional to exp(-dist_ki/sigma_k) exp(log_factor_k).
void assign(Run& run, uword i, const arma::vec& log_factor) {
    arma::vec logit(run.n_clusters());
    for (uword k = 0; k < run.n_clusters(); ++k) logit[k] = -run.dist(k, i) / run.options.sigma[k] + log_factor[k];
    const double highest = logit.max();
    double total = 0.0;
    for (uword k = 0; k < run.n_clusters(); ++k) total += std::exp(logit[k] - highest);
    for (uword k = 0; k < run.n_clusters(); ++k) run.r(k, i) = std::exp(logit[k] - highest) / total;
}

void compute_e_and_o(Run& run) {
    run.e.zeros();
    run.o.zeros();
    for (uword i = 0; i < run.n(); ++i) {
        for (uword k = 0; k < run.n_clusters(); ++k) {
            for (const uword b : run.level_of[i]) run.o(k, b) += run.r(k, i);
            for (uword b = 0; b < run.n_levels(); ++b) run.e(k, b) += run.share[b] * run.r(k, i);
        }
    }
}

// ln f_kb.
double log_f(const Run& run, uword k, uword b) {
    const double e = run.e(k, b);
    const double o = run.o(k, b);
    if (!run.options.first_version) return run.theta[b] * std::log((2.0 * e + 1.0) / (o + e + 1.0));
    return o + e > 0.0 ? run.theta[b] * std::log(std::max(e / (o + e), 1e-300)) : 0.0;
}

// ln F_ki for the levels of a cell.
double log_factor(const Run& run, uword k, const std::vector<uword>& levels) {
    if (!run.options.sum_of_penalties || levels.size() == 1) {
        double sum = 0.0;
        for (const uword b : levels) sum += log_f(run, k, b);
        return sum;
    }
    double highest = -INFINITY;
    for (const uword b : levels) highest = std::max(highest, log_f(run, k, b));
    double relative = 0.0;
    for (const uword b : levels) relative += std::exp(log_f(run, k, b) - highest);
    return highest + std::log(relative);
}

arma::vec objective(const Run& run) {
    arma::vec parts(3, arma::fill::zeros);
    for (uword i = 0; i < run.n(); ++i) {
        for (uword k = 0; k < run.n_clusters(); ++k) {
            const double r = run.r(k, i);
            parts[0] += r * run.dist(k, i);
            if (r > 0.0) parts[1] += run.options.sigma[k] * r * std::log(r);
        }
    }
    for (uword b = 0; b < run.n_levels(); ++b) {
        for (uword k = 0; k < run.n_clusters(); ++k) {
            parts[2] -= run.options.sigma[k] * run.o(k, b) * log_f(run, k, b);
        }
    }
    return parts * (2000.0 / static_cast<double>(run.n()));
}

std::vector<std::uint32_t> order_of(const Run& run, std::size_t round) {
    if (!run.options.orders.empty()) return run.options.orders.at(round);
    const Key key = fold_in(make_key(run.options.seed), static_cast<std::uint32_t>(2 + round));
    return permutation(key, static_cast<std::uint32_t>(run.n()));
}

void run_round(Run& run, std::size_t round) {
    const uword n = run.n();
    const std::vector<std::uint32_t> order = order_of(run, round);
    const auto size =
        std::max<uword>(1, static_cast<uword>(std::floor(static_cast<double>(n) * run.options.block_size + 1e-6)));
    const uword n_blocks = std::min(n, static_cast<uword>(std::ceil(1.0 / run.options.block_size - 1e-6)));
    for (uword block = 0; block < n_blocks; ++block) {
        const uword first = block * size;
        const uword end = block + 1 == n_blocks ? n : first + size;
        for (uword place = first; place < end; ++place) {  // without the block's own share
            const uword i = order[place];
            for (uword k = 0; k < run.n_clusters(); ++k) {
                for (const uword b : run.level_of[i]) run.o(k, b) -= run.r(k, i);
                for (uword b = 0; b < run.n_levels(); ++b) run.e(k, b) -= run.share[b] * run.r(k, i);
            }
        }
        run.o = arma::clamp(run.o, 0.0, INFINITY);
        run.e = arma::clamp(run.e, 0.0, INFINITY);
        for (uword place = first; place < end; ++place) {
            const uword i = order[place];
            arma::vec factor(run.n_clusters());
            for (uword k = 0; k < run.n_clusters(); ++k) factor[k] = log_factor(run, k, run.level_of[i]);
            assign(run, i, factor);
        }
        for (uword place = first; place < end; ++place) {
            const uword i = order[place];
            for (uword k = 0; k < run.n_clusters(); ++k) {
                for (const uword b : run.level_of[i]) run.o(k, b) += run.r(k, i);
                for (uword b = 0; b < run.n_levels(); ++b) run.e(k, b) += run.share[b] * run.r(k, i);
            }
        }
    }
}

std::vector<std::uint32_t> kept_levels(const Run& run, uword k) {
    std::vector<std::uint32_t> kept;
    double mass = 0.0;
    for (uword i = 0; i < run.n(); ++i) mass += run.r(k, i);
    if (!(mass > 0.0)) return kept;
    for (const std::vector<uword>& covariate : run.levels) {
        std::vector<std::uint32_t> counting;
        for (const uword b : covariate) {
            if (run.options.first_version || run.o(k, b) / run.level_cells[b] > run.options.batch_prop_cutoff) {
                counting.push_back(static_cast<std::uint32_t>(b));
            }
        }
        if (counting.size() >= 2) kept.insert(kept.end(), counting.begin(), counting.end());
    }
    return kept;
}

// Rows of the design that cell i has: the intercept, then its levels that have a row.
std::vector<uword> rows_of(const std::vector<uword>& levels, const std::vector<int>& row_of_level) {
    std::vector<uword> rows{0};
    for (const uword b : levels) {
        if (row_of_level[b] >= 0) rows.push_back(static_cast<uword>(row_of_level[b]));
    }
    return rows;
}

// The corrections of one iteration: W per cluster, corrected cells, and new centroids.
void correct(Run& run, const arma::mat& cells, RealHarmonyResult& result) {
    const uword n_features = cells.n_rows;
    result.corrected = cells;
    result.coefficients.zeros(n_features, run.n_levels(), run.n_clusters());
    result.kept.assign(run.n_clusters(), {});
    for (uword k = 0; k < run.n_clusters(); ++k) {
        result.kept[k] = kept_levels(run, k);
        if (result.kept[k].empty()) continue;
        std::vector<char> is_kept(run.n_levels(), 0);
        std::vector<int> row_of_level(run.n_levels(), -1);
        uword n_rows = 1;
        for (const std::uint32_t b : result.kept[k]) {
            is_kept[b] = 1;
            const auto& reference = run.options.reference;
            if (std::find(reference.begin(), reference.end(), b) == reference.end()) {
                row_of_level[b] = static_cast<int>(n_rows++);
            }
        }
        arma::mat left(n_rows, n_rows, arma::fill::zeros);       // X diag(R) X' + diag(0, lambda)
        arma::mat right(n_rows, n_features, arma::fill::zeros);  // X diag(R) Z'
        for (uword i = 0; i < run.n(); ++i) {
            bool takes_part = false;
            for (const uword b : run.level_of[i]) takes_part = takes_part || is_kept[b] != 0;
            if (!takes_part) continue;
            const std::vector<uword> rows = rows_of(run.level_of[i], row_of_level);
            for (const uword p : rows) {
                for (const uword q : rows) left(p, q) += run.r(k, i);
                for (uword f = 0; f < n_features; ++f) right(p, f) += run.r(k, i) * cells(f, i);
            }
        }
        for (uword b = 0; b < run.n_levels(); ++b) {
            if (row_of_level[b] < 0) continue;
            const auto row = static_cast<uword>(row_of_level[b]);
            left(row, row) += run.options.lambda          ? (*run.options.lambda)[b]
                              : run.options.first_version ? 1.0
                                                          : run.options.alpha * run.e(k, b);
        }
        const arma::mat w = arma::solve(left, right);
        if (!run.options.first_version) run.y.col(k) = w.row(0).t();
        for (uword b = 0; b < run.n_levels(); ++b) {
            if (row_of_level[b] >= 0)
                result.coefficients.slice(k).col(b) = w.row(static_cast<uword>(row_of_level[b])).t();
        }
        for (uword i = 0; i < run.n(); ++i) {
            for (const uword b : run.level_of[i]) {
                for (uword f = 0; f < n_features; ++f) {
                    result.corrected(f, i) -= run.r(k, i) * result.coefficients(f, b, k);
                }
            }
        }
    }
    if (!run.options.first_version) run.y = unit_columns(run.y);
}

// harmony1: y_k = unit(sum_i R_ki zhat_i).
void centre(Run& run) {
    run.y.zeros();
    for (uword k = 0; k < run.n_clusters(); ++k) {
        for (uword i = 0; i < run.n(); ++i) run.y.col(k) += run.r(k, i) * run.unit.col(i);
    }
    run.y = unit_columns(run.y);
}

bool rounds_end(const std::vector<double>& j, int rounds, const RealHarmonyOptions& options) {
    if (rounds < 5 || !options.epsilon_cluster) return false;
    const std::size_t t = j.size() - 1;
    const double a = j[t - 3] + j[t - 2] + j[t - 1];
    const double b = j[t - 2] + j[t - 1] + j[t];
    const double change = options.first_version ? (a - b) / std::abs(a) : std::abs(a - b) / std::abs(a);
    return change < *options.epsilon_cluster;
}

Run start(const arma::mat& cells, const std::vector<Labels>& covariates, const RealHarmonyOptions& options) {
    const uword n = cells.n_cols;
    Run run{options, {}, {}, {}, {}, {}, unit_columns(cells), {}, {}, {}, {}, {}};
    run.level_of.resize(n);
    uword first = 0;
    for (const Labels& covariate : covariates) {
        run.levels.emplace_back(covariate.count());
        std::iota(run.levels.back().begin(), run.levels.back().end(), first);
        for (uword i = 0; i < n; ++i) run.level_of[i].push_back(first + covariate.code[i]);
        first += covariate.count();
    }
    run.level_cells.zeros(first);
    for (uword i = 0; i < n; ++i) {
        for (const uword b : run.level_of[i]) run.level_cells[b] += 1.0;
    }
    run.share = run.level_cells / static_cast<double>(n);
    run.theta = arma::vec(options.theta);
    for (uword b = 0; options.tau > 0.0 && b < first; ++b) {
        const double ratio = run.level_cells[b] / (static_cast<double>(options.n_clusters) * options.tau);
        run.theta[b] *= 1.0 - std::exp(-ratio * ratio);
    }
    run.dist.zeros(options.n_clusters, n);
    run.r.zeros(options.n_clusters, n);
    run.e.zeros(options.n_clusters, first);
    run.o.zeros(options.n_clusters, first);
    return run;
}

void restart(Run& run) {
    compute_dist(run);
    for (uword i = 0; i < run.n(); ++i) assign(run, i, arma::vec(run.n_clusters(), arma::fill::zeros));
    compute_e_and_o(run);
}

void report(const Run& run, RealHarmonyResult& result) {
    result.assignments = run.r;
    result.centroids = run.y;
    result.expected = run.e;
    result.observed = run.o;
    result.cluster_weight.zeros(run.n_clusters());
    result.cluster_sum.zeros(run.unit.n_rows, run.n_clusters());
    for (uword k = 0; k < run.n_clusters(); ++k) {
        for (uword i = 0; i < run.n(); ++i) {
            result.cluster_weight[k] += run.r(k, i);
            result.cluster_sum.col(k) += run.r(k, i) * result.corrected.col(i);
        }
    }
}

}  // namespace

RealHarmonyResult harmony(const arma::mat& cells, const std::vector<Labels>& covariates,
                          const RealHarmonyOptions& options) {
    RealHarmonyResult result;
    Run run = start(cells, covariates, options);
    result.seeds = options.seeds;
    if (result.seeds.empty()) draw_seeds(run.unit, options.n_clusters, options.seed, result.start_cells, result.seeds);
    run.y = lloyd(run.unit, result.seeds, options.lloyd_steps);
    restart(run);
    std::vector<double> trace;
    const auto record = [&] {
        const arma::vec parts = objective(run);
        result.objective_rounds.insert_cols(result.objective_rounds.n_cols, parts);
        trace.push_back(arma::accu(parts));
    };
    record();
    result.objective.push_back(trace.back());
    result.corrected = cells;
    result.coefficients.zeros(cells.n_rows, run.n_levels(), run.n_clusters());
    result.kept.assign(run.n_clusters(), {});
    result.status = "max_iterations";
    bool one_level_each = true;
    for (const auto& covariate : run.levels) one_level_each = one_level_each && covariate.size() == 1;

    std::size_t done = 0;
    for (int iteration = 1; iteration <= options.max_iter; ++iteration) {
        if (iteration > 1) {
            run.unit = unit_columns(result.corrected);
            if (!options.first_version) restart(run);
        }
        int rounds = 0;
        while (rounds < options.max_rounds) {
            if (options.first_version) {
                centre(run);
                compute_dist(run);
            }
            run_round(run, done++);
            ++rounds;
            record();
            if (rounds_end(trace, rounds, options)) break;
        }
        result.rounds.push_back(rounds);
        result.objective.push_back(trace.back());
        result.iterations = iteration;
        if (one_level_each) {
            result.status = "nothing_to_correct";
            break;
        }
        correct(run, cells, result);
        const double before = result.objective[result.objective.size() - 2];
        const double change = before == 0.0 ? 0.0 : (before - result.objective.back()) / std::abs(before);
        if (options.epsilon_harmony && change < *options.epsilon_harmony &&
            (options.stop_on_increase || change >= 0.0)) {
            result.status = change < 0.0 ? "objective_rose" : "converged";
            break;
        }
    }
    report(run, result);
    return result;
}

std::pair<arma::mat, arma::mat> map_onto_harmony(const arma::mat& cells, const std::vector<Labels>& covariates,
                                                 const arma::mat& centroids, const std::vector<double>& sigma,
                                                 const arma::vec& cluster_weight, const arma::mat& cluster_sum,
                                                 double lambda) {
    RealHarmonyOptions options;
    options.n_clusters = centroids.n_cols;
    options.sigma = sigma;
    for (const Labels& covariate : covariates) options.theta.resize(options.theta.size() + covariate.count(), 0.0);
    Run run = start(cells, covariates, options);
    run.y = centroids;
    restart(run);
    arma::mat corrected = cells;
    for (uword k = 0; k < centroids.n_cols; ++k) {
        const uword n_rows = 1 + run.n_levels();
        arma::mat left(n_rows, n_rows, arma::fill::zeros);
        arma::mat right(n_rows, cells.n_rows, arma::fill::zeros);
        left(0, 0) = cluster_weight[k];
        right.row(0) = cluster_sum.col(k).t();
        for (uword b = 0; b < run.n_levels(); ++b) left(1 + b, 1 + b) = lambda;
        for (uword i = 0; i < run.n(); ++i) {
            std::vector<uword> rows{0};
            for (const uword b : run.level_of[i]) rows.push_back(1 + b);
            for (const uword p : rows) {
                for (const uword q : rows) left(p, q) += run.r(k, i);
                for (uword f = 0; f < cells.n_rows; ++f) right(p, f) += run.r(k, i) * cells(f, i);
            }
        }
        const arma::mat w = arma::solve(left, right);
        for (uword i = 0; i < run.n(); ++i) {
            for (const uword b : run.level_of[i]) {
                for (uword f = 0; f < cells.n_rows; ++f) corrected(f, i) -= run.r(k, i) * w(1 + b, f);
            }
        }
    }
    return {corrected, run.r};
}

}  // namespace bcbench::reference
