// ComBat: a location and a scale per batch and feature, shrunk towards what the features of the batch have in common
// (parametric empirical Bayes). Johnson, Li and Rabinovic 2007, Biostatistics 8:118.
//   x_if = alpha_f + covariates beta_f + gamma_bf + delta_bf e_if                                   (2.1)
//   s_if = (x_if - alpha_f - covariates beta_f) / sigma_f      standardised: mean gamma_hat_bf, variance delta2_hat_bf
//   gamma_b. ~ N(mean_b, tau2_b),  delta2_b. ~ inverse gamma(lambda_b, theta_b), by the moments over the features
//   gamma*  = (n_b tau2_b gamma_hat + delta2* mean_b) / (n_b tau2_b + delta2*)                      (3.1)
//   delta2* = (theta_b + sum over batch b of (s - gamma*)^2 / 2) / (n_b / 2 + lambda_b - 1)         (3.2), in turns
//   y_if = sigma_f (s_if - gamma*_bf) / delta*_bf + alpha_f + covariates beta_f
// sigma_f^2 is the mean squared residual of the least-squares fit (over n, not over its degrees of freedom), tau2_b the
// variance over features (over F), the moments of delta2_hat are sample variances (over F - 1): the choices of the
// Python programs in use.
//   What has no estimate: a feature without spread within the batches stays out of the priors and comes out as its fit
// without the batch; a batch of one cell, or of equal cells, has delta2 = 1 and only its location is adjusted; with a
// single feature there is nothing to borrow from, and gamma* and delta2* are the batch's own. Each is said in `notes`.
// It fails where a shift and a stretch per batch are no description: batches with different proportions of types and no
// covariate to say so lose the difference between types. Cost: three passes over the cells.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::combat {

struct Options {
    /// Keep the differences between cell types: the type labels are a covariate of the model. Needs type labels, and
    /// types that connect the batches.
    bool keep_types = false;
    /// Adjust locations only, with delta2 = 1: for batches that differ in their means alone.
    bool mean_only = false;
    /// The turns end when no gamma and no delta2 of a batch changes by more than this share of itself; smaller is more
    /// exact and slower. As in the original program the change of gamma counts with the sign of gamma.
    double tolerance = 1e-4;
    /// Turns after which a batch that has not settled is an error.
    std::int64_t max_iterations = 1000;
};

void validate(const Options& options);

template <class Real>
struct Result {
    Matrix<Real> corrected;  // [F x n]
    arma::mat location;      // [F x B] gamma*, in units of sigma; 0 for a batch without cells
    arma::mat scale;         // [F x B] delta2*; 1 for a batch without cells
    std::vector<std::string> notes;
};

/// Corrects `cells` [F x n] and keeps what the categorical `covariates` explain. Throws std::invalid_argument on bad
/// options or labels, and if batches and covariates cannot be told apart; NumericalError if a cell is not finite or the
/// turns do not settle.
template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const std::vector<Labels>& covariates,
                     const Options& options);

/// The same with the types as covariate if `keep_types` says so. Throws std::invalid_argument if there are none.
template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Options& options);

}  // namespace bcbench::combat
