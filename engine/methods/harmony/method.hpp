// Harmony: cells of all batches are clustered softly around shared centroids with a penalty on clusters in which a
// batch is over-represented, and each cluster's batch effects, a ridge regression on the indicators of the batches, are
// taken off its cells. After Korsunsky et al. 2019 (Nature Methods 16, 1289) and the second version of their program.
// zhat_i = z_i/|z_i|, unit centroids y_k, dist_ki = 2 (1 - y_k . zhat_i). One iteration:
//   a few rounds over random blocks of cells, O without the block's own share, E_kb = (share of b) sum_i R_ki:
//     R_ki  ~  exp(-dist_ki/sigma_k) prod_c ((2 E_kb + 1)/(O_kb + E_kb + 1))^theta_b,   b = level of cell i in c  [K x
//     n]
//   W_k = (X diag(R_k) X' + diag(0, lambda_kb))^-1 X diag(R_k) Z',   X = intercept over indicators             [1+B x
//   F] corrected z_i = z_i - sum_k R_ki sum_b W_kb,   y_k = row 0 of W_k, to unit length
// Cost: 11 products of 2 n K F operations to start (10 of them Lloyd's), 3 an iteration. Beside the corrected cells,
// memory is one array [K x n] of logits; neither distances nor assignments are stored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::harmony {

/// Two versions of the algorithm; harmony1 is the paper's.
enum class Variant { harmony2, harmony1 };
constexpr const char* words_of(Variant) { return "harmony2 harmony1"; }

/// How the penalties of several covariates join: `product` minimises the objective, `sum` is what the R package does.
enum class CovariatePenalty { product, sum };
constexpr const char* words_of(CovariatePenalty) { return "product sum"; }

/// Why a run ended.
enum class Status { converged, objective_rose, max_iterations, nothing_to_correct };
constexpr const char* words_of(Status) { return "converged objective_rose max_iterations nothing_to_correct"; }

struct Options {
    /// harmony2, or harmony1: centroids follow the cells in every round, assignments are carried over iterations, the
    /// penalty is (E/(O + E))^theta, no level is left out for being rare, lambda is 1, up to 20 rounds.
    Variant variant = Variant::harmony2;
    /// Soft clusters, 1 to the number of cells; more correct finer structure and cost proportionally more. None:
    /// n / 30, at least 1 and at most 100.
    std::optional<std::int64_t> n_clusters;
    /// Diversity penalty, >= 0: larger mixes the batches within clusters more strongly, 0 not at all. One number, one
    /// per covariate, or one per level (covariate after covariate, levels in the order of their names).
    std::vector<double> theta = {2.0};
    /// Width of the soft assignment, > 0: larger spreads a cell over more clusters. One number or one per cluster.
    std::vector<double> sigma = {0.1};
    /// Ridge penalty, > 0: larger corrects less. One number, one per covariate or one per level. None: alpha times the
    /// expected number of cells, lambda_kb = alpha E_kb (harmony1: 1).
    std::optional<std::vector<double>> lambda;
    /// Strength of the automatic ridge penalty, > 0: larger corrects less. Not used with a fixed lambda.
    double alpha = 0.2;
    /// Iterations at most, >= 0; 0 returns the cells as they are.
    std::int64_t max_iter = 10;
    /// Rounds of clustering in an iteration at most, >= 1. None: 4 (harmony1: 20).
    std::optional<std::int64_t> max_iter_cluster;
    /// Rounds end, from the fifth on, when the objective's sum over three rounds changes by less than this share.
    /// None: never.
    std::optional<double> epsilon_cluster = 1e-3;
    /// Iterations end when the objective falls by less than this share. None: never.
    std::optional<double> epsilon_harmony = 1e-2;
    /// Share of the cells that a block of a round holds, in (0, 1]: smaller follows the penalty more closely and costs
    /// more. Fewer than 40 cells use at least 0.2.
    double block_size = 0.05;
    /// Protects small levels, >= 0: theta_b (1 - exp(-(N_b/(K tau))^2)); larger lowers theta for small levels. 0: off.
    double tau = 0.0;
    /// A level of which no more than this share of its cells lies in a cluster, in [0, 1), is not corrected there;
    /// larger leaves more out. Not used by harmony1.
    double batch_prop_cutoff = 1e-5;
    CovariatePenalty covariate_penalty = CovariatePenalty::product;
    /// Whether an iteration in which the objective rose ends the run.
    bool stop_on_increase = true;
    /// Names of levels whose cells stay where they are; the others move onto them.
    std::vector<std::string> reference;
    /// Steps of Lloyd's algorithm that place the first centroids, >= 0; more is slower and changes less and less.
    std::int64_t lloyd_steps = 10;
    /// Return the soft assignments [K x n], the largest of all outputs.
    bool keep_assignments = false;
    /// Of the seed cells and the blocks of every round.
    std::int64_t seed = 0;
};

/// The settings that make this engine follow a package. What a setting cannot express stays different: all random
/// draws, and what is said at each.
///
/// The R package harmony 2.0.4: penalties of several covariates add up.
Options r_2_0_4();
/// harmonypy 2.1.0: an iteration in which the objective rises does not end the run. (It does not enlarge the blocks of
/// fewer than 40 cells.)
Options harmonypy_2_1();
/// scanpy's harmony_integrate: rounds until they change the objective by 1e-5, up to 200, and iterations until they
/// change it by 1e-4. (Its own: K = floor(n / 30), at least 2; k-means++ with hard clusters for the first centroids;
/// clusters' centroids are recomputed from the cells in each iteration; with tau, exp(-N_b/(K tau)) squared outside.)
Options scanpy();

/// The preset of a name: "R-2.0.4", "harmonypy-2.1" or "scanpy". Throws std::invalid_argument for another.
Options preset(const std::string& name);
/// All of them, separated by spaces.
constexpr const char* preset_names = "R-2.0.4 harmonypy-2.1 scanpy";

/// Throws std::invalid_argument naming the option, its value and its bounds; the other, for these data as well:
/// covariates of another length than the cells, missing or continuous labels, values per level of a wrong number.
void validate(const Options& options);
void validate(const Options& options, std::size_t n_cells, std::span<const Labels> covariates);

/// One level of one covariate that has cells.
struct Level {
    std::uint32_t covariate = 0;
    std::string name;
    std::size_t n_cells = 0;

    friend bool operator==(const Level&, const Level&) = default;
};

/// The objective and its parts, all times 2000/n.
struct Objective {
    double distance = 0.0;   // sum R dist
    double entropy = 0.0;    // sum sigma R ln R
    double diversity = 0.0;  // sum sigma theta O ln((O + E + 1)/(2 E + 1))

    double total() const { return distance + entropy + diversity; }
};

template <class Real>
struct Result {
    Matrix<Real> corrected;    // [F x n]
    Matrix<Real> assignments;  // [K x n] R, or empty
    arma::mat centroids;       // [F x K] of unit length (or 0)
    /// [F x B x K] W without the intercepts; 0 where a level was not corrected. corrected_i = z_i - sum over k and the
    /// levels b of cell i of R_ki coefficients(., b, k).
    arma::cube coefficients;
    arma::vec cluster_weight;                      // [K] sum_i R_ki
    arma::mat cluster_sum;                         // [F x K] sum_i R_ki corrected_i
    arma::mat expected;                            // [K x B] E after the last round
    arma::mat observed;                            // [K x B] O
    std::vector<Level> levels;                     // [B] covariate after covariate
    std::vector<double> theta;                     // [B] after tau
    std::vector<double> sigma;                     // [K]
    std::vector<std::vector<std::uint32_t>> kept;  // [K] levels that the last correction kept in a cluster
    std::vector<Objective> objective_rounds;       // of the start, then after every round
    std::vector<double> objective;                 // of the start, then after every iteration
    std::vector<std::int64_t> rounds;              // of every iteration
    std::int64_t iterations = 0;
    Status status = Status::max_iterations;
    std::vector<std::uint32_t> start_cells;  // [K] from which seeds were drawn
    std::vector<std::uint32_t> seeds;        // [K] cells from which Lloyd's algorithm started
    std::vector<std::string> notes;          // what a user should know about this run
};

/// Random choices made by the caller instead of drawn, so that another program's run can be followed.
struct Choices {
    std::vector<std::uint32_t> seeds;                // [K] cells, or empty: drawn
    std::vector<std::vector<std::uint32_t>> orders;  // per round of the whole run a permutation of the cells, or empty
};

/// Corrects `cells` [F x n] for the `covariates`, each with a label per cell. The same bytes for any number of threads.
/// Throws std::invalid_argument as validate does and for cells that are not finite, NumericalError if a regression or
/// the result is not finite.
template <class Real>
Result<Real> forward(const Matrix<Real>& cells, std::span<const Labels> covariates, const Options& options,
                     const Choices& choices = {});

/// What new cells are mapped with: a corrected reference without its cells.
struct Model {
    arma::mat centroids;        // [F x K]
    std::vector<double> sigma;  // [K]
    arma::vec cluster_weight;   // [K]
    arma::mat cluster_sum;      // [F x K]
};

template <class Real>
Model model_of(const Result<Real>& result) {
    return {result.centroids, result.sigma, result.cluster_weight, result.cluster_sum};
}

template <class Real>
struct Mapped {
    Matrix<Real> corrected;    // [F x m]
    Matrix<Real> assignments;  // [K x m], or empty
};

/// Moves new `cells` [F x m] onto a corrected reference, which stays where it is (Kang et al. 2021, Symphony): R from
/// the centroids alone, and one ridge regression per cluster on the new cells' levels in which the reference counts as
/// cluster_weight cells without any. `lambda` > 0 is the penalty of every level.
template <class Real>
Mapped<Real> map_new_cells(const Matrix<Real>& cells, std::span<const Labels> covariates, const Model& model,
                           double lambda = 1.0, bool keep_assignments = false);

}  // namespace bcbench::harmony
