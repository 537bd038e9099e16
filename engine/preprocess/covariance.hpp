// The covariance of features, of sparse cells without touching their zeros.
#pragma once

#include "engine/preprocess/cells.hpp"

namespace bcbench::preprocess {

/// (X - mean)(X - mean)^T / (n - 1) [F x F] of cells X [F x n], n >= 2, and their mean cell [F]. Exactly symmetric, and
/// the same for any number of threads. Needs two matrices of that size at a time.
arma::mat covariance(const Cells& cells, const arma::vec& mean);

}  // namespace bcbench::preprocess
