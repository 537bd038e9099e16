// Products of a few vectors with a large symmetric matrix that is stored whole.
#pragma once

#include "engine/core/types.hpp"

namespace bcbench {

/// x S [b x n] of x [b x n] for a symmetric S [n x n] and few rows b, where reading S is what takes the time: each
/// entry is read once per 8 rows, and where it lies. The same for any number of threads.
arma::mat symmetric_product(const arma::mat& x, const arma::mat& s);

}  // namespace bcbench
