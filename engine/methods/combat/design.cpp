#include "engine/methods/combat/design.hpp"

#include <map>
#include <string>

#include "engine/core/check.hpp"

namespace bcbench::combat {

namespace {

// Of the normal matrix with a diagonal of ones. A design that hangs together by one cell in a million has an eigenvalue
// of about 1e-6; the eigenvalues of dependent columns are rounding, some 1e-15.
constexpr double smallest_eigenvalue = 1e-12;

/// codes[g][0] the batch and codes[g][c + 1] the level of covariate c of group g -> their column, in the order in which
/// codes sort; `first` of them has none.
void set_columns(const std::vector<std::vector<std::uint32_t>>& codes, Design& design) {
    const std::size_t n_labels = codes.front().size();
    std::vector<std::map<std::uint32_t, arma::uword>> column(n_labels);  // code -> column
    arma::uword p = 0;
    for (std::size_t c = 0; c < n_labels; ++c) {
        for (const auto& of_group : codes) column[c].emplace(of_group[c], 0);
        bool dropped = c == 0;  // batches keep all their columns
        for (auto& [code, place] : column[c]) {
            place = dropped ? p++ : arma::uword(-1);
            dropped = true;
        }
        if (c == 0) design.n_batches = p;
    }
    design.columns.zeros(codes.size(), p);
    for (std::size_t g = 0; g < codes.size(); ++g) {
        for (std::size_t c = 0; c < n_labels; ++c) {
            const arma::uword place = column[c].at(codes[g][c]);
            if (place != arma::uword(-1)) design.columns(g, place) = 1.0;
        }
    }
}

arma::mat normal_matrix(const Design& design) {
    return design.columns.t() * (design.columns.each_col() % design.size);  // [p x p]
}

void require_independent(const Design& design) {
    if (design.columns.n_cols == design.n_batches) return;
    const arma::mat normal = normal_matrix(design);
    const arma::vec scale = 1.0 / arma::sqrt(normal.diag());
    arma::vec eigenvalues;
    const bool found = arma::eig_sym(eigenvalues, arma::mat(arma::diagmat(scale) * normal * arma::diagmat(scale)));
    if (!found) throw NumericalError("combat: the eigenvalues of the design could not be computed");
    const arma::uword dependent = arma::accu(eigenvalues < smallest_eigenvalue);
    if (dependent == 0) return;
    throw std::invalid_argument(
        "combat: batches and covariates cannot be told apart: of " + std::to_string(normal.n_cols) +
        " columns of the design, " + std::to_string(dependent) +
        " follow from the others (a level of a covariate, or several, occur in batches of their own only). Leave the "
        "covariate out, or the batches");
}

}  // namespace

Design make_design(const Labels& batch, const std::vector<Labels>& covariates, std::size_t n_cells) {
    require_labels(batch, n_cells, "combat, batch");
    for (const Labels& covariate : covariates) require_labels(covariate, n_cells, "combat, covariate");

    Design design;
    std::map<std::vector<std::uint32_t>, std::uint32_t> group_of;
    std::vector<std::vector<std::uint32_t>> codes;  // [G][1 + covariates]
    design.group.code.resize(n_cells);
    std::vector<std::uint32_t> of_cell(1 + covariates.size());
    for (std::size_t i = 0; i < n_cells; ++i) {
        of_cell[0] = batch.code[i];
        for (std::size_t c = 0; c < covariates.size(); ++c) of_cell[c + 1] = covariates[c].code[i];
        const auto [place, is_new] = group_of.emplace(of_cell, static_cast<std::uint32_t>(codes.size()));
        if (is_new) codes.push_back(of_cell);
        design.group.code[i] = place->second;
    }
    design.size.zeros(codes.size());
    for (const std::uint32_t group : design.group.code) design.size[group] += 1.0;
    for (std::size_t g = 0; g < codes.size(); ++g) {
        design.group.names.push_back(std::to_string(g));
        design.batch.push_back(codes[g][0]);
    }
    set_columns(codes, design);
    require_independent(design);
    return design;
}

Fit fit(const Design& design, const arma::mat& means) {
    const double n_cells = arma::accu(design.size);
    const arma::vec centre = means * design.size / n_cells;  // counted from the overall mean, no digits are lost
    arma::mat from_centre = means.each_col() - centre;
    const arma::mat right = design.columns.t() * (from_centre.each_row() % design.size.t()).t();  // [p x F]
    arma::mat coefficients;                                                                       // [p x F]
    if (!arma::solve(coefficients, normal_matrix(design), right, arma::solve_opts::likely_sympd)) {
        throw NumericalError("combat: the least-squares fit of batches and covariates has no solution");
    }
    Fit result;
    result.fitted = (design.columns * coefficients).t();
    result.fitted.each_col() += centre;

    const arma::uword n_batches = design.n_batches;
    const arma::mat batch_terms = coefficients.head_rows(n_batches);  // [B x F]
    const arma::rowvec shares = (design.columns.head_cols(n_batches).t() * design.size).t() / n_cells;
    const arma::vec common = (shares * batch_terms).t() + centre;  // [F] alpha
    arma::mat covariate_columns = design.columns;
    covariate_columns.head_cols(n_batches).zeros();
    result.expected = (covariate_columns * coefficients).t();
    result.expected.each_col() += common;
    return result;
}

}  // namespace bcbench::combat
