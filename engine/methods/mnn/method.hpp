// MNN: batches are joined one after the other; cells that are nearest neighbours of each other across two sets are
// taken for the same kind, and what lies between them for the batch effect. Haghverdi et al. 2018, Nat. Biotechnol.
// 36:421, in the fast variant of the R package batchelor (fastMNN, reducedMNN; Lun 2018, "Further MNN algorithm
// development"). The cells are principal components or another space in which Euclidean distances mean something.
//   One step joins the set L of all batches so far and the next batch R:
//
//   1. The variation of R along the batch vectors of the earlier steps is removed: each cell goes to R's mean along
//   them.
//   2. Pairs (i, j), i in L, j in R: i among the n_neighbors nearest of j in L, and j among those of i in R.
//   3. v_j = mean over the pairs of j of (x_i - x_j); the batch vector is the mean of v_j over all j in pairs.
//   4. The variation of L and of R along the batch vector is removed, and the v_j are computed again.
//   5. Every cell of R moves by the mean of v_j over its n_neighbors nearest cells j of R that are in pairs, with
//      tricube weights (1 - (d / h)^3)^3 below the width h = bandwidth * distance of the middle one of them.
//
// It fails where a batch shares no type with those joined before it (there are always pairs), where the batch effect is
// not orthogonal to the differences between types (step 4 removes both), and where fewer cells of a type than
// n_neighbors are in a batch. Not differentiable. Cost: a neighbour search between L and R, and one within R, per step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::mnn {

enum class MergeOrder { size, listed };
constexpr const char* words_of(MergeOrder) { return "size listed"; }

struct Options {
    /// Neighbours of a cell in the other set that may pair with it, and pairs' vectors that a cell's own is averaged
    /// from; more give more pairs and a smoother correction, and mix types of fewer cells than that.
    std::int64_t n_neighbors = 20;
    /// Width of the tricube weights in distances of the middle neighbour; larger is smoother.
    double bandwidth = 3.0;
    /// A step whose batch effect is smaller is not corrected: the length of the batch vector over the root mean square
    /// of the v_j, 1 if all point the same way and 0 if they point anywhere. 0: all steps are.
    double min_batch_effect = 0.0;
    /// The order in which batches join: the largest first (equal sizes as listed), or as the dataset lists them.
    MergeOrder merge_order = MergeOrder::size;
    /// The order by places in the dataset's list of batches, each once; empty: by merge_order.
    std::vector<std::int64_t> order;
};

void validate(const Options& options);

/// One step as it went.
struct MergeStep {
    std::vector<std::uint32_t> left;  // batches of L
    std::uint32_t right = 0;          // batch R
    std::size_t n_pairs = 0;
    double left_share = 0.0;               // share of the cells of L that are in pairs
    double right_share = 0.0;              // of R
    double batch_effect = 0.0;             // as of min_batch_effect
    bool skipped = false;                  // no correction
    std::vector<double> variance_removed;  // [B] share of the variance of each batch that steps 1 and 4 removed; 0 for
                                           // batches not in this step or without variance
};

template <class Real>
struct Result {
    Matrix<Real> corrected;        // [F x n] in the order of the input
    std::vector<MergeStep> steps;  // one fewer than batches with cells
    std::vector<std::string> notes;
};

/// Corrects `cells` [F x n]. The first batch moves only by what step 4 removes. Throws std::invalid_argument on bad
/// options or labels, NumericalError on cells that are not finite.
template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options);

}  // namespace bcbench::mnn
