#include "engine/methods/differentiable_harmony/method.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"
#include "engine/core/operations.hpp"
#include "engine/methods/differentiable_harmony/mover.hpp"
#include "engine/methods/differentiable_harmony/unwinder.hpp"

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
    Mover<Real> mover(softmax, tiles, tiles.runs.size(), nullptr);
    steps[0].cells = TileArray<Real>(tape.steps[first / tape.stride].cells);
    mover.go_on(steps[0].cells, steps[0].assignment);
    for (std::size_t t = 1; t < steps.size(); ++t) {
        steps[t].cells = TileArray<Real>(tiles.runs.size(), softmax.origin.n_elem);
        mover.move(steps[t - 1].cells, steps[t - 1].assignment, steps[t].cells, &steps[t].assignment);
    }
    return steps;
}

// How many tiles of a pass without a tape stand as tiles, states and C A: as many as fit 96 MiB.
template <class Real>
std::size_t kept_tiles(const BatchTiles& tiles, uword n_features) {
    constexpr std::size_t most_bytes = std::size_t{96} << 20;
    return std::min<std::size_t>(tiles.runs.size(), most_bytes / (2 * n_features * tile_width * sizeof(Real)));
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
    const std::size_t n_kept = keep_tape ? tiles.runs.size() : kept_tiles<Real>(tiles, data.cells.n_rows);

    Result<Real> result;
    result.corrected.set_size(arma::size(data.cells));
    std::vector<Step<Real>>& steps = result.tape.steps;
    if (keep_tape) {
        steps.resize((n_iterations - 1) / stride + 1);
        for (Step<Real>& step : steps) step.cells = TileArray<Real>(n_kept, data.cells.n_rows);
    }
    TileArray<Real> passing(n_kept, data.cells.n_rows);
    // where the state before iteration t stands, and its assignment
    const auto state_at = [&](std::size_t t) -> TileArray<Real>& {
        return keep_tape && t < n_iterations && t % stride == 0 ? steps[t / stride].cells : passing;
    };
    Assignment assignment;
    const auto assignment_at = [&](std::size_t t) {
        return keep_tape && stride == 1 ? &steps[t].assignment : &assignment;
    };

    Mover<Real> mover(softmax, tiles, n_kept, &result.corrected);
    mover.start(data.cells, state_at(0), *assignment_at(0));
    if (keep_choices) result.cell_choices.assign(data.cells.n_cols, 0);
    for (std::size_t t = 0; t < n_iterations; ++t) {
        if (keep_choices) add_cell_choices(tiles, *assignment_at(t), result.cell_choices);
        mover.move(state_at(t), *assignment_at(t), state_at(t + 1),
                   t + 1 < n_iterations ? assignment_at(t + 1) : nullptr);
    }
    count_operations(data.cells.n_cols * n_iterations, 4 * parameters.centroids.n_elem);  // A and C A
    require_finite(result.corrected, "a corrected embedding");
    if (keep_tape) {
        result.tape.options = options;
        result.tape.parameters = parameters;
        result.tape.batch = data.batch;
        result.tape.stride = stride;
        result.tape.last = std::move(passing);
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
    require(corrected_bar.n_rows == tape.parameters.centroids.n_rows && corrected_bar.n_cols == tape.batch.code.size(),
            "the adjoint has another shape than the corrected cells");
    const Softmax<Real> softmax = make_softmax(tape.parameters.centroids, tape.options);
    const BatchTiles tiles = make_batch_tiles(tape.batch);
    const auto n_iterations = static_cast<std::size_t>(tape.options.n_iterations);

    // A again, its adjoint through C A, and the cells' through A; the centroids' through both
    count_operations(corrected_bar.n_cols * n_iterations,
                     (parameters_bar != nullptr ? 10U : 6U) * tape.parameters.centroids.n_elem);

    Matrix<Real> cells_bar(arma::size(corrected_bar), arma::fill::none);
    Unwinder<Real> unwinder(softmax, tiles, corrected_bar,
                            parameters_bar != nullptr ? &parameters_bar->centroids : nullptr);
    if (tape.stride == 1) {
        unwinder.undo(tape.steps, tape.last, &cells_bar);
        return cells_bar;
    }
    const TileArray<Real>* after = &tape.last;  // the state after the steps being undone
    for (std::size_t s = tape.steps.size(); s-- > 0;) {
        const std::size_t first = s * tape.stride;
        unwinder.undo(replay(tape, softmax, tiles, first, std::min(first + tape.stride, n_iterations)), *after,
                      s == 0 ? &cells_bar : nullptr);
        after = &tape.steps[s].cells;
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
