// Controls: the cells of the dataset dealt out again at random. Nothing is corrected; what a metric gives for them
// shows what it says of an embedding without biology, or with nothing but types. After the controls of Open Problems
// (Luecken et al. 2025, "Defining and benchmarking open problems in single-cell analysis", task batch integration).
//   y_i = x_{pi(i)},  pi a random permutation that keeps every cell within its group:
//     shuffle_batches, within = all     one group: batches are mixed perfectly, no biology is left (random_integration)
//     shuffle_batches, within = batch   the batch: batches stay apart, no biology is left (random_integration_batch)
//     shuffle_within_types              the type: types stay apart, batches are mixed within them perfectly
//                                       (random_integration_celltype)
// The set of points, and with it the mean of every group, does not change.
#pragma once

#include <string>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench {

template <class Real>
struct Shuffled {
    Matrix<Real> corrected;             // [F x n]
    std::vector<std::uint32_t> source;  // [n] pi: the cell that each cell got its coordinates from
    std::vector<std::string> notes;     // groups of one cell, which stay where they are
};

namespace shuffle_batches {

enum class Within { all, batch };
constexpr const char* words_of(Within) { return "all batch"; }

struct Options {
    /// Deal the cells out among all cells, or within each batch.
    Within within = Within::all;
};

void validate(const Options& options);

/// Shuffles `cells` [F x n]. Throws std::invalid_argument on labels that do not fit.
template <class Real>
Shuffled<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, Key key);

}  // namespace shuffle_batches

namespace shuffle_within_types {

struct Options {};

void validate(const Options& options);

/// Shuffles `cells` [F x n] within each type. Throws std::invalid_argument on labels that do not fit, and if there are
/// none.
template <class Real>
Shuffled<Real> forward(const Matrix<Real>& cells, const Labels& type, const Options& options, Key key);

}  // namespace shuffle_within_types

}  // namespace bcbench
