// What changes during a run of harmony. Neither distances nor assignments are stored, but logits = -dist/sigma (as
// powers of 2): R_ki = 2^(logit + factor), normalised over clusters, with the penalty factor of the group in which the
// cell was last.
#pragma once

#include "engine/methods/harmony/blocks.hpp"
#include "engine/methods/harmony/problem.hpp"
#include "engine/methods/harmony/seeding.hpp"

namespace bcbench::harmony {

template <class Real>
struct State {
    const Problem& problem;
    Variant variant;
    CovariatePenalty covariate_penalty;

    std::size_t width;                    // of a row over clusters
    std::size_t feature_width;            // of a row over features
    Buffer<Real> sigma;                   // [width], 0 beyond the clusters
    bool same_sigma;                      // for all clusters
    arma::mat centroids;                  // [F x K]
    Buffer<Real> logits;                  // [n x width] by position
    arma::mat observed;                   // [K x B] O
    arma::vec mass;                       // [K] sum_i R_ki, so that E_kb = p_b mass_k
    Buffer<Real> factor_rows;             // [groups x width] log2 of the penalty factor
    std::vector<Factor<Real>> factors;    // [groups]
    std::vector<std::uint32_t> group_of;  // [n] by position
    std::vector<double> next_shares;      // [groups of the next round x width] sum of R over each
};

template <class Real>
State<Real> make_state(const Problem& problem, const Options& options, arma::mat centroids);

/// Logits of `cells` [F x n], scaled to unit length, to the centroids of the state.
template <class Real>
void compute_logits(State<Real>& state, const Matrix<Real>& cells);

/// R = softmax of the logits alone; E, O and the shares of the first round's groups from it.
template <class Real>
Objective restart(State<Real>& state, const Round& first_round);

/// One round; the state's next_shares are those of this round before, of the next after.
template <class Real>
Objective run_round(State<Real>& state, const Round& round);

/// Centroids packed for logits: 2 (y . zhat - 1) / sigma, as powers of 2.
template <class Real>
Centroids<Real> pack_for_logits(const State<Real>& state);

/// Logits of rows of unit length [count x feature_width], to the row of the first position.
template <class Real>
void store_logits(State<Real>& state, const Centroids<Real>& packed, const Real* rows, std::size_t first,
                  std::size_t count);

/// Every cell in one group whose factors are 1.
template <class Real>
void without_penalty(State<Real>& state);

/// Assigned [count x width] of the cells of a tile.
template <class Real>
void assign_tile(const State<Real>& state, const Tile& tile, Real* assigned);

}  // namespace bcbench::harmony
