// How far apart the batches' mean expression lies.
#pragma once

#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// Mean over all entries of the cells of each batch, summed in double; NaN for a batch without cells. [B]
template <class Real>
std::vector<double> batch_means(const Matrix<Real>& cells, const Labels& batch);

/// Largest difference between two batch means that are numbers: |mean_1 - mean_0| for two batches, 0 for one.
double mean_shift(const std::vector<double>& means);

}  // namespace bcbench
