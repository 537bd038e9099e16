// Training of differentiable_harmony: learns the centroids, by gradients through all iterations. Minimises, over the
// corrected cells y of cells x,
//   mmd_weight * mmd_loss(y) + mean_weight * mean_difference(y) + preservation_weight * distortion(y, x)
// From centroids near 0, as documented, there is nothing to learn: every cell's assignments are hard and no pair of
// cells comes closer than 0.9 of its distance in an iteration. Start at cells, with many clusters and a high
// temperature.
#pragma once

#include "engine/core/types.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/training/loop.hpp"
#include "engine/training/mmd_kernel.hpp"

namespace bcbench::differentiable_harmony {

enum class Start { cells, random };
constexpr const char* words_of(Start) { return "cells random"; }

struct TrainOptions {
    /// Weight of the MMD between batches of corrected cells; larger mixes more.
    double mmd_weight = 1.0;
    training::Kernel kernel;
    /// Weight of the squared distance between the means of batches; larger aligns them more.
    double mean_weight = 1.0;
    /// Weight of the changes of distances inside batches; larger keeps more of the input's structure.
    double preservation_weight = 0.1;
    /// Centroids before the first update: cells drawn at random, or 0.1 * normal as in the untrained method.
    Start start = Start::cells;
};

void validate(const TrainOptions& options);

struct Losses {
    double mmd = 0.0;
    double mean_difference = 0.0;
    double distortion = 0.0;
    double objective = 0.0;
};

/// Mean over batches with cells and over features of (batch mean - mean of these means)^2; adds loss_bar times its
/// gradient to `cells_bar` [F x n] unless it is nullptr.
template <class Real>
double mean_difference(const Matrix<Real>& cells, const Labels& batch, Matrix<Real>* cells_bar, double loss_bar);

/// Mean over pairs of cells of the same batch of (||y_i - y_j|| - ||x_i - x_j||)^2 / m^2, with m the median distance of
/// x; adds loss_bar times its gradient to `y_bar` [F x n] unless it is nullptr. Time O(n^2 F).
template <class Real>
double distortion(const Matrix<Real>& y, const Matrix<Real>& x, const Labels& batch, Matrix<Real>* y_bar,
                  double loss_bar);

/// The objective on `data`; adds its gradient to `parameters_bar` unless it is nullptr.
template <class Real>
Losses objective(const Parameters<Real>& parameters, const Dataset<Real>& data, const Options& method,
                 const TrainOptions& options, const training::Kernel& kernel, Parameters<Real>* parameters_bar);

/// Trains the centroids; `start_key` draws the cells they start at, and `observe` looks on. Throws
/// std::invalid_argument on bad options, NumericalError if the training diverges.
template <class Real>
training::Trained<Parameters<Real>> train(const Dataset<Real>& data, Parameters<Real> parameters, const Options& method,
                                          const TrainOptions& options, const training::Options& common, Key start_key,
                                          const training::Observe<Real>& observe = {});

}  // namespace bcbench::differentiable_harmony
