#include "engine/methods/harmony/ridge.hpp"

#include <cmath>

#include "engine/core/check.hpp"

namespace bcbench::harmony {

using arma::uword;

namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);

/// Solves a x = b for a positive definite `a` [r x r]; both are overwritten, `b` [F x r] (a row per right side) by the
/// solution.
void solve_cholesky(arma::mat& a, arma::mat& b) {
    const uword r = a.n_rows;
    for (uword j = 0; j < r; ++j) {  // a = L L', L in the lower triangle
        for (uword i = j; i < r; ++i) {
            double sum = a(i, j);
            for (uword m = 0; m < j; ++m) sum -= a(i, m) * a(j, m);
            if (i == j) {
                if (!(sum > 0.0)) throw NumericalError("harmony: a cluster's regression is singular");
                a(j, j) = std::sqrt(sum);
            } else {
                a(i, j) = sum / a(j, j);
            }
        }
    }
    for (uword j = 0; j < r; ++j) {
        for (uword m = 0; m < j; ++m) b.col(j) -= a(j, m) * b.col(m);
        b.col(j) /= a(j, j);
    }
    for (uword j = r; j-- > 0;) {
        for (uword m = j + 1; m < r; ++m) b.col(j) -= a(m, j) * b.col(m);
        b.col(j) /= a(j, j);
    }
}

/// Where each level's unknown stands: in the diagonal block that is eliminated, or in the rest after the intercept.
struct Unknowns {
    std::vector<std::size_t> eliminated;  // [B] place, or none
    std::vector<std::size_t> rest;        // [B] place, the intercept being 0, or none
    std::size_t n_eliminated = 0;
    std::size_t n_rest = 1;
};

Unknowns number_unknowns(const Ridge& ridge) {
    const Levels& levels = ridge.levels;
    std::vector<std::size_t> rows(levels.n_covariates(), 0);
    for (std::size_t b = 0; b < levels.levels.size(); ++b) {
        rows[levels.levels[b].covariate] += ridge.has_row[b] != 0;
    }
    const auto most = static_cast<std::size_t>(std::max_element(rows.begin(), rows.end()) - rows.begin());
    Unknowns unknowns{std::vector<std::size_t>(levels.levels.size(), none),
                      std::vector<std::size_t>(levels.levels.size(), none)};
    for (std::size_t b = 0; b < levels.levels.size(); ++b) {
        if (ridge.has_row[b] == 0) continue;
        if (levels.levels[b].covariate == most) {
            unknowns.eliminated[b] = unknowns.n_eliminated++;
        } else {
            unknowns.rest[b] = unknowns.n_rest++;
        }
    }
    return unknowns;
}

}  // namespace

arma::mat solve(const Ridge& ridge) {
    const Levels& levels = ridge.levels;
    const uword n_features = ridge.sums.n_rows;
    const std::size_t n_levels = levels.levels.size();
    const Unknowns at = number_unknowns(ridge);

    // The system by blocks: [rest, coupling; coupling', diagonal], without the intercept's own entry, which is summed
    // below in a form that does not cancel.
    arma::mat rest(at.n_rest, at.n_rest, arma::fill::zeros);
    arma::mat coupling(at.n_rest, at.n_eliminated, arma::fill::zeros);
    arma::vec diagonal(at.n_eliminated, arma::fill::zeros);
    arma::mat rest_right(n_features, at.n_rest, arma::fill::zeros);
    arma::mat right(n_features, at.n_eliminated, arma::fill::zeros);
    rest(0, 0) = ridge.extra_weight;
    if (!ridge.extra_sum.is_empty()) rest_right.col(0) = ridge.extra_sum;
    std::vector<std::size_t> places;  // of a combination in the rest
    for (std::size_t g = 0; g < levels.n_combinations(); ++g) {
        const double weight = ridge.weights[g];
        std::size_t eliminated = none;
        places.assign(1, 0);
        bool takes_part = false;
        for (std::size_t c = 0; c < levels.n_covariates(); ++c) {
            const std::uint32_t b = levels.levels_of(g)[c];
            takes_part = takes_part || ridge.kept[b] != 0;
            if (at.eliminated[b] != none) eliminated = at.eliminated[b];
            if (at.rest[b] != none) places.push_back(at.rest[b]);
        }
        if (!takes_part) continue;
        for (const std::size_t i : places) {
            for (const std::size_t j : places) {
                if (eliminated == none || i + j > 0) rest(i, j) += weight;
            }
            if (eliminated == none || i > 0) rest_right.col(i) += ridge.sums.col(g);
        }
        if (eliminated == none) continue;
        diagonal[eliminated] += weight;
        right.col(eliminated) += ridge.sums.col(g);
        for (const std::size_t i : places) coupling(i, eliminated) += weight;
    }
    for (std::size_t b = 0; b < n_levels; ++b) {
        if (at.rest[b] != none) rest(at.rest[b], at.rest[b]) += ridge.lambda[b];
        if (at.eliminated[b] == none) continue;
        const std::size_t e = at.eliminated[b];
        const double penalised = diagonal[e] + ridge.lambda[b];
        // of the intercept: w - w^2/(w + lambda) = w lambda/(w + lambda), and so on the right
        rest(0, 0) += diagonal[e] * ridge.lambda[b] / penalised;
        rest_right.col(0) += right.col(e) * (ridge.lambda[b] / penalised);
        diagonal[e] = penalised;
        for (uword i = 0; i < at.n_rest; ++i) {
            if (coupling(i, e) == 0.0) continue;
            for (uword j = 0; j < at.n_rest; ++j) {
                if (i + j > 0) rest(i, j) -= coupling(i, e) * coupling(j, e) / penalised;
            }
            if (i > 0) rest_right.col(i) -= right.col(e) * (coupling(i, e) / penalised);
        }
    }
    solve_cholesky(rest, rest_right);

    arma::mat solution(n_features, 1 + n_levels, arma::fill::zeros);
    solution.col(0) = rest_right.col(0);
    for (std::size_t b = 0; b < n_levels; ++b) {
        if (at.rest[b] != none) solution.col(1 + b) = rest_right.col(at.rest[b]);
        if (at.eliminated[b] == none) continue;
        const std::size_t e = at.eliminated[b];
        arma::vec value = right.col(e);
        for (uword i = 0; i < at.n_rest; ++i) value -= coupling(i, e) * rest_right.col(i);
        solution.col(1 + b) = value / diagonal[e];
    }
    return solution;
}

}  // namespace bcbench::harmony
