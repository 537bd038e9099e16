// The correction of harmony: regressions per cluster, and their effects taken off the cells.
#pragma once

#include "engine/methods/harmony/ridge.hpp"
#include "engine/methods/harmony/state.hpp"

namespace bcbench::harmony {

/// Sums over the cells of each combination of levels.
struct Sums {
    std::vector<std::vector<double>> products;  // [G][F x width] sum of R_ki z_fi, feature by feature
    std::vector<std::vector<double>> weights;   // [G][width] sum of R_ki
};

/// `unit`: of cells scaled to unit length.
template <class Real>
Sums sum_products(const State<Real>& state, const Matrix<Real>& cells, bool unit);

struct Effects {
    arma::cube coefficients;                       // [F x B x K]
    std::vector<std::vector<std::uint32_t>> kept;  // [K]
};

/// Solves the regressions of all clusters; the intercepts become the state's centroids, all of unit length, under
/// harmony2.
template <class Real>
Effects solve_effects(State<Real>& state, const Sums& sums, const Options& options);

/// Where a walk over the corrected cells leaves what; nullptr: nowhere.
template <class Real>
struct Outputs {
    Matrix<Real>* corrected = nullptr;    // [F x n]
    Matrix<Real>* assignments = nullptr;  // [K x n]
    arma::mat* cluster_sum = nullptr;     // [F x K]
    bool next_logits = false;             // of the corrected cells to the state's centroids, in place of the old
};

/// corrected_i = z_i - sum_k R_ki sum of the coefficients of the cell's levels.
template <class Real>
void apply_effects(State<Real>& state, const Matrix<Real>& cells, const arma::cube& coefficients,
                   const Outputs<Real>& outputs);

/// R of all cells [K x n].
template <class Real>
Matrix<Real> all_assignments(const State<Real>& state);

}  // namespace bcbench::harmony
