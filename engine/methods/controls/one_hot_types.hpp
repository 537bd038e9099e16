// Control: every cell becomes its type and nothing else, the best that an embedding can do for biology and for mixing
// at once. After Open Problems (embed_cell_types, and with jitter embed_cell_types_jittered; Luecken et al. 2025).
//   y_ti = 1 if cell i is of type t, else 0;  plus jitter * uniform(-1, 1), drawn for every entry     [T x n]
// The embedding has one dimension per type, whatever the number of features. Without jitter all cells of a type are one
// point, and what a metric of neighbours says of it depends on how it breaks ties.
#pragma once

#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench::one_hot_types {

struct Options {
    /// Half the width of the noise that tells the cells of a type apart; above 0.5 types begin to overlap.
    double jitter = 0.01;
};

void validate(const Options& options);

/// The embedding [T x n] of cells of these types. Throws std::invalid_argument if there are none, or on bad options.
template <class Real>
Matrix<Real> forward(const Labels& type, const Options& options, Key key);

}  // namespace bcbench::one_hot_types
