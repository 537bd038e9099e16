#include <cmath>
#include <stdexcept>

#include "engine/reference/baselines.hpp"

namespace bcbench::reference {

namespace {

// A column per batch, then one per level of each covariate but its first. [n x p]
arma::mat design_of(const Labels& batch, const std::vector<Labels>& covariates) {
    arma::uword p = batch.names.size();
    for (const Labels& covariate : covariates) p += covariate.names.size() - 1;
    arma::mat design(batch.code.size(), p, arma::fill::zeros);
    for (arma::uword i = 0; i < design.n_rows; ++i) {
        design(i, batch.code[i]) = 1.0;
        arma::uword first = batch.names.size();
        for (const Labels& covariate : covariates) {
            if (covariate.code[i] > 0) design(i, first + covariate.code[i] - 1) = 1.0;
            first += covariate.names.size() - 1;
        }
    }
    return design;
}

// The normal equations by elimination with the largest pivot. [p]
arma::vec least_squares(const arma::mat& design, const arma::vec& values) {
    const arma::uword p = design.n_cols;
    arma::mat a(p, p + 1, arma::fill::zeros);
    for (arma::uword i = 0; i < design.n_rows; ++i) {
        for (arma::uword r = 0; r < p; ++r) {
            for (arma::uword c = 0; c < p; ++c) a(r, c) += design(i, r) * design(i, c);
            a(r, p) += design(i, r) * values[i];
        }
    }
    for (arma::uword column = 0; column < p; ++column) {
        arma::uword pivot = column;
        for (arma::uword r = column; r < p; ++r) {
            if (std::abs(a(r, column)) > std::abs(a(pivot, column))) pivot = r;
        }
        a.swap_rows(column, pivot);
        for (arma::uword r = 0; r < p; ++r) {
            if (r == column) continue;
            const double factor = a(r, column) / a(column, column);
            for (arma::uword c = column; c <= p; ++c) a(r, c) -= factor * a(column, c);
        }
    }
    arma::vec solution(p);
    for (arma::uword r = 0; r < p; ++r) solution[r] = a(r, p) / a(r, r);
    return solution;
}

// gamma and delta2 of the standardised cells of one batch [F x n_b], shrunk.
void shrink(const arma::mat& s, const CombatOptions& options, arma::vec& gamma, arma::vec& delta2) {
    const auto n = static_cast<double>(s.n_cols);
    const auto n_features = static_cast<double>(s.n_rows);
    const arma::vec own = arma::mean(s, 1);
    const arma::vec own2 = arma::var(s, 0, 1);
    double mean = 0.0, tau2 = 0.0, m = 0.0, v = 0.0;
    for (arma::uword f = 0; f < s.n_rows; ++f) {
        mean += own[f] / n_features;
        m += own2[f] / n_features;
    }
    for (arma::uword f = 0; f < s.n_rows; ++f) {
        tau2 += (own[f] - mean) * (own[f] - mean) / n_features;
        v += (own2[f] - m) * (own2[f] - m) / (n_features - 1.0);
    }
    const double lambda = m * m / v + 2.0;
    const double theta = m * m * m / v + m;
    gamma = own;
    delta2 = own2;
    if (options.mean_only) {
        for (arma::uword f = 0; f < s.n_rows; ++f) gamma[f] = (n * tau2 * own[f] + mean) / (n * tau2 + 1.0);
        delta2.ones();
        return;
    }
    for (int turn = 0; turn < 100000; ++turn) {
        bool settled = true;
        for (arma::uword f = 0; f < s.n_rows; ++f) {
            const double new_gamma = (n * tau2 * own[f] + delta2[f] * mean) / (n * tau2 + delta2[f]);
            double squares = 0.0;
            for (arma::uword i = 0; i < s.n_cols; ++i) squares += (s(f, i) - new_gamma) * (s(f, i) - new_gamma);
            const double new_delta2 = (theta + squares / 2.0) / (n / 2.0 + lambda - 1.0);
            if (std::abs(new_gamma - gamma[f]) / gamma[f] > options.tolerance) settled = false;
            if (std::abs(new_delta2 - delta2[f]) / delta2[f] > options.tolerance) settled = false;
            gamma[f] = new_gamma;
            delta2[f] = new_delta2;
        }
        if (settled) return;
    }
    throw std::runtime_error("the reference of combat does not settle");
}

}  // namespace

arma::mat combat(const arma::mat& cells, const Labels& batch, const std::vector<Labels>& covariates,
                 const CombatOptions& options) {
    const arma::uword n = cells.n_cols;
    const arma::mat design = design_of(batch, covariates);
    arma::mat expected(arma::size(cells), arma::fill::zeros);  // alpha + covariates beta
    arma::vec sigma(cells.n_rows, arma::fill::zeros);
    for (arma::uword f = 0; f < cells.n_rows; ++f) {
        const arma::vec coefficient = least_squares(design, cells.row(f).t());
        double alpha = 0.0;
        for (const std::uint32_t b : batch.code) alpha += coefficient[b] / static_cast<double>(n);
        for (arma::uword i = 0; i < n; ++i) {
            double fitted = 0.0;
            expected(f, i) = alpha;
            for (arma::uword c = 0; c < design.n_cols; ++c) {
                fitted += design(i, c) * coefficient[c];
                if (c >= batch.names.size()) expected(f, i) += design(i, c) * coefficient[c];
            }
            sigma[f] += (cells(f, i) - fitted) * (cells(f, i) - fitted) / static_cast<double>(n);
        }
        sigma[f] = std::sqrt(sigma[f]);
    }
    arma::mat corrected(arma::size(cells));
    for (std::uint32_t b = 0; b < batch.names.size(); ++b) {
        std::vector<arma::uword> members;
        for (arma::uword i = 0; i < n; ++i) {
            if (batch.code[i] == b) members.push_back(i);
        }
        arma::mat s(cells.n_rows, members.size());
        for (arma::uword j = 0; j < s.n_cols; ++j) {
            s.col(j) = (cells.col(members[j]) - expected.col(members[j])) / sigma;
        }
        arma::vec gamma, delta2;
        shrink(s, options, gamma, delta2);
        for (arma::uword j = 0; j < s.n_cols; ++j) {
            for (arma::uword f = 0; f < s.n_rows; ++f) {
                corrected(f, members[j]) =
                    sigma[f] * (s(f, j) - gamma[f]) / std::sqrt(delta2[f]) + expected(f, members[j]);
            }
        }
    }
    return corrected;
}

}  // namespace bcbench::reference
