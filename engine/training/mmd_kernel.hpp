// The kernel that an MMD loss is trained with: bandwidths in absolute units or in multiples of a median distance, wide
// at first if annealed. A narrow kernel alone has no slope between groups that lie far apart.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/types.hpp"
#include "engine/kernels/mmd.hpp"
#include "engine/training/schedule.hpp"

namespace bcbench::training {

enum class BandwidthUnit { absolute, median };
constexpr const char* words_of(BandwidthUnit) { return "absolute median"; }

struct Kernel {
    std::vector<double> bandwidths = {0.25, 0.5, 1.0, 2.0, 4.0};  // the kernel is the mean over them
    BandwidthUnit unit = BandwidthUnit::median;
    double start = 1.0;  // factor on all bandwidths at first; falls to 1 over the first 70 % of the updates
    mmd::Estimator estimator = mmd::Estimator::biased;
    mmd::Pairs pairs = mmd::Pairs::each_vs_all;
};

/// The kernel at the end of an annealing, or at `step` of `n_steps`.
inline Kernel at_step(Kernel kernel, std::int64_t step, std::int64_t n_steps) {
    for (double& bandwidth : kernel.bandwidths) bandwidth *= schedule::annealed(kernel.start, step, n_steps);
    return kernel;
}

/// Throws std::invalid_argument naming a batch that would never count: one with too few cells for the estimator.
inline void require_enough_cells(const Labels& batch, mmd::Estimator estimator) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0 || sizes[b] >= mmd::fewest_cells(estimator)) continue;
        throw std::invalid_argument("batch '" + batch.names[b] +
                                    "' has a single cell, the unbiased estimator needs two of each; use biased");
    }
}

/// The median distance of `points`, a length to measure with. Throws NumericalError if it is 0 or not finite.
template <class Real>
double unit_distance(const Matrix<Real>& points) {
    const double median = mmd::median_distance(points, 100);
    if (!(median > 0.0))
        throw NumericalError("the median distance between cells is 0: at least half of the pairs are equal cells");
    return median;
}

/// mmd_loss of `points` [D x n] under the kernel, batches with too few of them left out; adds loss_bar times its
/// gradient to `points_bar` unless it is nullptr. The median distance of the points is taken as a constant.
template <class Real>
double kernel_loss(const Matrix<Real>& points, const Labels& batch, const Kernel& kernel, Matrix<Real>* points_bar,
                   double loss_bar) {
    mmd::Options options{kernel.estimator, kernel.pairs, kernel.bandwidths};
    if (kernel.unit == BandwidthUnit::median) {
        const double median = unit_distance(points);
        for (double& bandwidth : options.bandwidths) bandwidth *= median;
    }
    return mmd::loss(points, batch, options, points_bar, loss_bar);
}

}  // namespace bcbench::training
