// Principal components of cells, sparse ones without filling their zeros: the centring is implicit.
#pragma once

#include <cstdint>

#include "engine/preprocess/cells.hpp"

namespace bcbench::preprocess {

struct PcaOptions {
    /// At least 1, and fewer than there are cells and features.
    std::int64_t n_components = 50;
};

struct Pca {
    Matrix<double> scores;        // [c x n]
    arma::mat loadings;           // [F x c] orthonormal; the entry largest in size of each is positive
    arma::vec variance;           // [c] of the scores, n - 1, falling
    double total_variance = 0.0;  // of all components there are
    double residual = 0.0;        // largest ||S v - variance v|| of a component, by the largest variance
};

/// The leading principal components. Exact: an eigenvector of the covariance S to 1e-10 of the largest variance, the
/// same for any number of threads; where variances are closer than that, any basis of their space. Up to 4,096 features
/// S [F x F] is formed, from the stored entries alone; beyond, only its products are. Throws OptionError for a number
/// of components that there are not, NumericalError if they do not converge.
Pca pca(const Cells& cells, const PcaOptions& options);

}  // namespace bcbench::preprocess
