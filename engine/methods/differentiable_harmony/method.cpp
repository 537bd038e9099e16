#include "engine/methods/differentiable_harmony/method.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"
#include "engine/core/operations.hpp"
#include "engine/methods/differentiable_harmony/step.hpp"

namespace bcbench::differentiable_harmony {

using arma::uword;

void validate(const Options& options) {
    require_option(options.n_clusters >= 1, "n_clusters", options.n_clusters, "at least 1");
    require_option(options.n_iterations >= 1, "n_iterations", options.n_iterations, "at least 1");
    require_option(options.sigma > 0.0, "sigma", options.sigma, "greater than 0");
    require_option(options.temperature > 0.0, "temperature", options.temperature, "greater than 0");
}

template <class Real>
Parameters<Real> initial_parameters(const Options& options, uword n_features, Stream stream) {
    const Matrix<float> draws = normal(stream.next(), n_features, static_cast<uword>(options.n_clusters));
    const Matrix<float> centroids = 0.1F * draws;
    return {arma::conv_to<Matrix<Real>>::from(centroids)};
}

namespace {

template <class Real>
void require_same_features(const Parameters<Real>& parameters, const Matrix<Real>& cells) {
    require(parameters.centroids.n_rows == cells.n_rows, "the centroids have another number of features than the data");
}

// Iterations between two stored states.
std::size_t stride_of(const Options& options) {
    if (!options.recompute) return 1;
    return static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(options.n_iterations))));
}

// The steps first .. last-1 again from the stored state `first`, complete.
template <class Real>
std::vector<Step<Real>> replay(const Tape<Real>& tape, const Softmax<Real>& softmax, const BatchTiles& tiles,
                               std::size_t first, std::size_t last) {
    std::vector<Step<Real>> steps(last - first);
    steps[0].cells = tape.steps[first / tape.stride].cells;
    Targets<Real> targets = make_targets<Real>(tiles, steps[0].cells.n_rows);
    walk<Real>(softmax, tiles, steps[0].cells, nullptr, nullptr, &steps[0].assignment, targets);
    for (std::size_t t = 1; t < steps.size(); ++t) {
        steps[t].cells.set_size(arma::size(steps[0].cells));
        walk(softmax, tiles, steps[t - 1].cells, &steps[t - 1].assignment, &steps[t].cells, &steps[t].assignment,
             targets);
    }
    return steps;
}

}  // namespace

template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Parameters<Real>& parameters, const Options& options,
                     bool keep_tape, bool keep_choices) {
    validate(options);
    require_valid(data);
    require_same_features(parameters, data.cells);
    const Softmax<Real> softmax = make_softmax(parameters.centroids, options);
    const BatchTiles tiles = make_batch_tiles(data.batch);
    const auto n_iterations = static_cast<std::size_t>(options.n_iterations);
    const std::size_t stride = stride_of(options);

    Result<Real> result;
    result.corrected.set_size(arma::size(data.cells));
    std::vector<Step<Real>>& steps = result.tape.steps;
    if (keep_tape) {
        steps.resize((n_iterations - 1) / stride + 1);
        for (Step<Real>& step : steps) step.cells.set_size(arma::size(data.cells));
    }
    // where the state before iteration t stands, counted from the mean centroid, and its assignment
    const auto state_at = [&](std::size_t t) {
        return keep_tape && t < n_iterations && t % stride == 0 ? &steps[t / stride].cells : &result.corrected;
    };
    shift(data.cells, Real(-1), softmax.origin, *state_at(0));
    Assignment assignment;
    const auto assignment_at = [&](std::size_t t) {
        return keep_tape && stride == 1 ? &steps[t].assignment : &assignment;
    };

    Targets<Real> targets = make_targets<Real>(tiles, data.cells.n_rows);
    walk<Real>(softmax, tiles, *state_at(0), nullptr, nullptr, assignment_at(0), targets);
    keep_choices = keep_choices || keep_tape;
    if (keep_choices) result.cell_choices.assign(data.cells.n_cols, 0);
    for (std::size_t t = 0; t < n_iterations; ++t) {
        if (keep_choices) add_cell_choices(tiles, *assignment_at(t), result.cell_choices);
        walk(softmax, tiles, *state_at(t), assignment_at(t), state_at(t + 1),
             t + 1 < n_iterations ? assignment_at(t + 1) : nullptr, targets);
    }
    count_operations(data.cells.n_cols * n_iterations, 4 * parameters.centroids.n_elem);  // A and C A
    if (keep_tape) result.tape.last = result.corrected;
    shift(result.corrected, Real(1), softmax.origin, result.corrected);
    require_finite(result.corrected, "a corrected embedding");
    if (keep_tape) {
        result.tape.options = options;
        result.tape.parameters = parameters;
        result.tape.batch = data.batch;
        result.tape.stride = stride;
    }
    return result;
}

template <class Real>
Matrix<Real> assignments(const Matrix<Real>& cells, const Parameters<Real>& parameters, const Options& options) {
    validate(options);
    require_same_features(parameters, cells);
    count_operations(cells.n_cols, 2 * parameters.centroids.n_elem);
    return assign_all(make_softmax(parameters.centroids, options), cells);
}

template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar, Parameters<Real>* parameters_bar) {
    const Tape<Real>& tape = result.tape;
    require(arma::size(corrected_bar) == arma::size(tape.last),
            "the adjoint has another shape than the corrected cells");
    const Softmax<Real> softmax = make_softmax(tape.parameters.centroids, tape.options);
    const BatchTiles tiles = make_batch_tiles(tape.batch);
    const auto n_iterations = static_cast<std::size_t>(tape.options.n_iterations);

    // A again, its adjoint through C A, and the cells' through A; the centroids' through both
    count_operations(corrected_bar.n_cols * n_iterations,
                     (parameters_bar != nullptr ? 10U : 6U) * tape.parameters.centroids.n_elem);

    Matrix<Real> cells_bar = corrected_bar;
    const Matrix<Real>* after = &tape.last;  // y after the step being undone
    std::vector<Step<Real>> later_segment;   // keeps *after alive
    for (std::size_t s = (n_iterations - 1) / tape.stride + 1; s-- > 0;) {
        const std::size_t first = s * tape.stride;
        std::vector<Step<Real>> replayed;
        if (tape.stride > 1)
            replayed = replay(tape, softmax, tiles, first, std::min(first + tape.stride, n_iterations));
        const std::size_t count = tape.stride > 1 ? replayed.size() : 1;
        for (std::size_t i = count; i-- > 0;) {
            const Step<Real>& step = tape.stride > 1 ? replayed[i] : tape.steps[s];
            iterate_backward(softmax, tiles, step, *after, cells_bar,
                             parameters_bar != nullptr ? &parameters_bar->centroids : nullptr);
            after = &step.cells;
        }
        if (tape.stride > 1) {
            later_segment = std::move(replayed);
            after = &later_segment.front().cells;
        }
    }
    return cells_bar;
}

template <class Real>
std::vector<std::uint64_t> cell_choices(const Result<Real>& result) {
    return result.cell_choices;
}

template <class Real>
std::uint64_t choices(const Result<Real>& result) {
    std::uint64_t signature = 0;
    for (const std::uint64_t of_cell : result.cell_choices) signature = with_choice(signature, of_cell);
    return signature;
}

#define BCBENCH_INSTANTIATE(Real)                                                                             \
    template Parameters<Real> initial_parameters<Real>(const Options&, uword, Stream);                        \
    template Result<Real> forward(const Dataset<Real>&, const Parameters<Real>&, const Options&, bool, bool); \
    template Matrix<Real> assignments(const Matrix<Real>&, const Parameters<Real>&, const Options&);          \
    template Matrix<Real> backward(const Result<Real>&, const Matrix<Real>&, Parameters<Real>*);              \
    template std::vector<std::uint64_t> cell_choices(const Result<Real>&);                                    \
    template std::uint64_t choices(const Result<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::differentiable_harmony
