// Step 1 of ComBat: the least-squares fit of batches and covariates. Cells with the same batch and the same covariates
// are one group: everything the fit needs is the mean and size of the groups.
#pragma once

#include <vector>

#include "engine/core/types.hpp"

namespace bcbench::combat {

struct Design {
    Labels group;                      // [n], G groups, each with at least one cell
    std::vector<std::uint32_t> batch;  // [G] of each group
    arma::vec size;                    // [G] cells
    arma::mat columns;                 // [G x p] 1 at the batch with cells, then 1 at each covariate's level but the
                                       // first that occurs
    arma::uword n_batches = 0;         // columns of batches with cells
};

/// Throws std::invalid_argument if labels do not fit the cells, or if the columns are linearly dependent.
Design make_design(const Labels& batch, const std::vector<Labels>& covariates, std::size_t n_cells);

struct Fit {
    arma::mat fitted;    // [F x G] value of each group
    arma::mat expected;  // [F x G] the same without the batch: the mean over cells of the batch terms, and covariates
};

/// The fit to the groups' means [F x G].
Fit fit(const Design& design, const arma::mat& means);

}  // namespace bcbench::combat
