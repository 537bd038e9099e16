// The ridge regression of harmony within one cluster: cells on an intercept and on indicators of levels.
#pragma once

#include <vector>

#include "engine/methods/harmony/problem.hpp"

namespace bcbench::harmony {

struct Ridge {
    const Levels& levels;
    std::vector<char> kept;      // [B] cells without any kept level take no part
    std::vector<char> has_row;   // [B] kept levels with an indicator of their own
    std::vector<double> lambda;  // [B] penalty of a level with a row
    arma::vec weights;           // [G] sum of R over the cells of a combination
    arma::mat sums;              // [F x G] sum of R z
    double extra_weight = 0.0;   // of cells without any level
    arma::vec extra_sum;         // [F] their sum of R z, or empty
};

/// (X diag(R) X' + diag(0, lambda))^-1 X diag(R) Z', transposed: the intercept, then the levels in order, 0 without a
/// row. The covariate with most rows is eliminated first (its block is diagonal), what is left is solved by Cholesky;
/// with one covariate that is a closed form. [F x 1+B]. Throws NumericalError if the system is singular.
arma::mat solve(const Ridge& ridge);

}  // namespace bcbench::harmony
