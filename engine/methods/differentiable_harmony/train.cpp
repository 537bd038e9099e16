#include "engine/methods/differentiable_harmony/train.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/training/tensors.hpp"

namespace bcbench::differentiable_harmony {

using arma::uword;
using training::finite;
using training::tensors_of;

void validate(const TrainOptions& options) {
    require_option(options.mmd_weight >= 0.0, "mmd_weight", options.mmd_weight, "at least 0");
    require_option(options.mean_weight >= 0.0, "mean_weight", options.mean_weight, "at least 0");
    require_option(options.preservation_weight >= 0.0, "preservation_weight", options.preservation_weight,
                   "at least 0");
}

template <class Real>
double mean_difference(const Matrix<Real>& cells, const Labels& batch, Matrix<Real>* cells_bar, double loss_bar) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    arma::mat means(cells.n_rows, sizes.size(), arma::fill::zeros);
    for (uword i = 0; i < cells.n_cols; ++i) {
        double* mean = means.colptr(batch.code[i]);
        for (uword f = 0; f < cells.n_rows; ++f) mean[f] += static_cast<double>(cells(f, i));
    }
    double n_present = 0.0;
    arma::vec center(cells.n_rows, arma::fill::zeros);
    for (uword b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0) continue;
        means.col(b) /= static_cast<double>(sizes[b]);
        center += means.col(b);
        n_present += 1.0;
    }
    center /= n_present;
    double sum = 0.0;
    for (uword b = 0; b < sizes.size(); ++b) {
        means.col(b) = sizes[b] == 0 ? arma::vec(cells.n_rows, arma::fill::zeros) : arma::vec(means.col(b) - center);
        sum += arma::dot(means.col(b), means.col(b));
    }
    const double n_terms = n_present * static_cast<double>(cells.n_rows);
    for (uword i = 0; cells_bar != nullptr && i < cells.n_cols; ++i) {
        // the deviations sum to 0, so that the slope through the center vanishes
        const double factor = 2.0 * loss_bar / n_terms / static_cast<double>(sizes[batch.code[i]]);
        const double* deviation = means.colptr(batch.code[i]);
        for (uword f = 0; f < cells.n_rows; ++f) (*cells_bar)(f, i) += static_cast<Real>(factor * deviation[f]);
    }
    return sum / n_terms;
}

namespace {

template <class Real>
Real distance(const Real* u, const Real* v, uword n) {
    Real squared = 0;
    for (uword f = 0; f < n; ++f) squared += (u[f] - v[f]) * (u[f] - v[f]);
    return std::sqrt(squared);
}

// Centroids at cells in random order; with more clusters than cells some start together and stay together.
template <class Real>
Matrix<Real> random_cells(const Matrix<Real>& cells, const std::vector<std::uint32_t>& allowed, uword count, Key key) {
    const std::vector<std::uint32_t> order = permutation(key, static_cast<std::uint32_t>(allowed.size()));
    Matrix<Real> chosen(cells.n_rows, count);
    for (uword k = 0; k < count; ++k) chosen.col(k) = cells.col(allowed[order[k % order.size()]]);
    return chosen;
}

}  // namespace

template <class Real>
double distortion(const Matrix<Real>& y, const Matrix<Real>& x, const Labels& batch, Matrix<Real>* y_bar,
                  double loss_bar) {
    const double median = training::unit_distance(x);
    double n_pairs = 0.0;
    for (const std::size_t size : label_sizes(batch))
        n_pairs += static_cast<double>(size) * (static_cast<double>(size) - 1.0);
    if (n_pairs == 0.0) return 0.0;
    const double scale = 1.0 / (n_pairs * median * median);
    const Tiles tiles{y.n_cols, tile_cells};
    std::vector<double> sums(tiles.count(), 0.0);
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (uword i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const Real* yi = y.colptr(i);
            for (uword j = 0; j < y.n_cols; ++j) {
                if (j == i || batch.code[j] != batch.code[i]) continue;
                const Real* yj = y.colptr(j);
                const Real now = distance(yi, yj, y.n_rows);
                const Real change = now - distance(x.colptr(i), x.colptr(j), x.n_rows);
                sums[tile] += static_cast<double>(change) * static_cast<double>(change);
                if (y_bar == nullptr || !(now > 0)) continue;
                // both (i, j) and (j, i) depend on y_i
                const Real factor = static_cast<Real>(4.0 * loss_bar * scale) * change / now;
                Real* bar = y_bar->colptr(i);
                for (uword f = 0; f < y.n_rows; ++f) bar[f] += factor * (yi[f] - yj[f]);
            }
        }
    });
    double sum = 0.0;
    for (const double part : sums) sum += part;
    return sum * scale;
}

template <class Real>
Losses objective(const Parameters<Real>& parameters, const Dataset<Real>& data, const Options& method,
                 const TrainOptions& options, const training::Kernel& kernel, Parameters<Real>* parameters_bar) {
    const Result<Real> result = forward(data, parameters, method, parameters_bar != nullptr);
    const Matrix<Real>& y = result.corrected;
    Matrix<Real> y_bar(arma::size(y), arma::fill::zeros);
    Matrix<Real>* bar = parameters_bar != nullptr ? &y_bar : nullptr;
    Losses losses;
    losses.mmd = kernel_loss(y, data.batch, kernel, bar, options.mmd_weight);
    losses.mean_difference = finite(mean_difference(y, data.batch, bar, options.mean_weight), "mean_difference");
    losses.distortion = finite(distortion(y, data.cells, data.batch, bar, options.preservation_weight), "distortion");
    losses.objective = options.mmd_weight * losses.mmd + options.mean_weight * losses.mean_difference +
                       options.preservation_weight * losses.distortion;
    if (parameters_bar != nullptr) backward(result, y_bar, parameters_bar);
    return losses;
}

template <class Real>
training::Trained<Parameters<Real>> train(const Dataset<Real>& data, Parameters<Real> parameters, const Options& method,
                                          const TrainOptions& options, const training::Options& common, Key start_key,
                                          const training::Observe<Real>& observe) {
    require_valid(data);
    validate(options);
    training::require_enough_cells(data.batch, options.kernel.estimator);
    require(data.batch.count() > 1, "learning centroids needs at least two batches to mix, the dataset has one");
    if (options.start == Start::cells) {
        const training::Split split = training::split_cells(data.batch, common);
        parameters.centroids = random_cells(data.cells, split.training, parameters.centroids.n_cols, start_key);
    }
    Parameters<Real> bar{parameters.centroids};
    const optimizer::Tensors<Real> gradients = tensors_of<Real>(bar);
    optimizer::State<Real> state;
    const auto update = [&](Parameters<Real>& current, training::MiniBatches<Real>& cells, std::int64_t step,
                            double rate) {
        optimizer::set_zero(gradients);
        const training::Kernel kernel = at_step(options.kernel, step, common.steps);
        objective(current, cells.next(), method, options, kernel, &bar);
        const double norm = finite(optimizer::norm(gradients), "the gradient");
        optimizer::update(optimizer_of(common), rate * common.learning_rate, tensors_of<Real>(current), gradients,
                          state);
        return norm;
    };
    const auto losses = [&](const Parameters<Real>& current, const Dataset<Real>& cells) {
        const Losses there = objective<Real>(current, cells, method, options, options.kernel, nullptr);
        return training::Evaluation{there.objective,
                                    {{"mmd_loss", {there.mmd}},
                                     {"mean_difference", {there.mean_difference}},
                                     {"distortion", {there.distortion}}}};
    };
    const auto corrected = [&](const Parameters<Real>& current, const Dataset<Real>& cells) {
        return forward(cells, current, method).corrected;
    };
    return training::run(data, std::move(parameters), common, update, losses, corrected, observe);
}

#define BCBENCH_INSTANTIATE(Real)                                                                                 \
    template double mean_difference(const Matrix<Real>&, const Labels&, Matrix<Real>*, double);                   \
    template double distortion(const Matrix<Real>&, const Matrix<Real>&, const Labels&, Matrix<Real>*, double);   \
    template Losses objective(const Parameters<Real>&, const Dataset<Real>&, const Options&, const TrainOptions&, \
                              const training::Kernel&, Parameters<Real>*);                                        \
    template training::Trained<Parameters<Real>> train(const Dataset<Real>&, Parameters<Real>, const Options&,    \
                                                       const TrainOptions&, const training::Options&, Key,        \
                                                       const training::Observe<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
