// Step 2 of ComBat: the location and scale of one batch, shrunk towards those of its features together.
#pragma once

#include <cstdint>

#include "engine/core/types.hpp"

namespace bcbench::combat {

/// The estimates of one batch from its own cells, one entry per feature, or the shrunk ones.
struct LocationScale {
    arma::vec location;  // [F] gamma
    arma::vec scale;     // [F] delta2
};

/// gamma with delta2 held at `scale` [F]: equation (3.1) once.
arma::vec shrunk_location(const arma::vec& own_location, const arma::vec& scale, double n_cells);

/// gamma* and delta2* of a batch of `n_cells` >= 2 cells with `own` = (gamma_hat, delta2_hat) over at least 2 features,
/// not all delta2_hat 0. Throws NumericalError if they do not settle within `max_iterations` turns.
LocationScale shrink(const LocationScale& own, double n_cells, double tolerance, std::int64_t max_iterations);

}  // namespace bcbench::combat
