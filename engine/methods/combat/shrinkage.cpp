#include "engine/methods/combat/shrinkage.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/core/check.hpp"

namespace bcbench::combat {

namespace {

// Below this relative variance of delta2_hat over features the inverse gamma has no width, and its parameters would
// overflow.
constexpr double no_width = 1e-30;

double variance_over(const arma::vec& values, double divisor) {
    return arma::accu(arma::square(values - arma::mean(values))) / divisor;
}

/// (3.1). Without any variance the prior says all.
double location_of(double own, double mean, double tau2, double scale, double n_cells) {
    const double weight = n_cells * tau2 + scale;
    return weight > 0.0 ? (n_cells * tau2 * own + scale * mean) / weight : mean;
}

/// The change relative to the old value, with its sign: a location below 0 never keeps the turns going.
double change_of(double now, double before) { return now == before ? 0.0 : std::abs(now - before) / before; }

}  // namespace

arma::vec shrunk_location(const arma::vec& own_location, const arma::vec& scale, double n_cells) {
    const double mean = arma::mean(own_location);
    const double tau2 = variance_over(own_location, static_cast<double>(own_location.n_elem));
    arma::vec location(own_location.n_elem);
    for (arma::uword f = 0; f < location.n_elem; ++f) {
        location[f] = location_of(own_location[f], mean, tau2, scale[f], n_cells);
    }
    return location;
}

LocationScale shrink(const LocationScale& own, double n_cells, double tolerance, std::int64_t max_iterations) {
    const auto n_features = static_cast<double>(own.location.n_elem);
    const double mean = arma::mean(own.location);
    const double tau2 = variance_over(own.location, n_features);
    const double scale_mean = arma::mean(own.scale);
    const double scale_variance = variance_over(own.scale, n_features - 1.0);
    if (!(scale_variance > no_width * scale_mean * scale_mean)) {
        const arma::vec scale(own.scale.n_elem, arma::fill::value(scale_mean));
        return {shrunk_location(own.location, scale, n_cells), scale};
    }
    // the inverse gamma distribution with these moments: m = theta / (lambda - 1), v = m^2 / (lambda - 2)
    const double lambda = 2.0 + scale_mean * scale_mean / scale_variance;
    const double theta = scale_mean * (lambda - 1.0);

    LocationScale now = own;
    for (std::int64_t turn = 0; turn < max_iterations; ++turn) {
        double change = 0.0;
        for (arma::uword f = 0; f < own.location.n_elem; ++f) {
            const double location = location_of(own.location[f], mean, tau2, now.scale[f], n_cells);
            // sum (s - location)^2 by the mean and variance of s
            const double off = own.location[f] - location;
            const double squares = (n_cells - 1.0) * own.scale[f] + n_cells * off * off;
            const double scale = (theta + 0.5 * squares) / (0.5 * n_cells + lambda - 1.0);
            change = std::max({change, change_of(location, now.location[f]), change_of(scale, now.scale[f])});
            now.location[f] = location;
            now.scale[f] = scale;
        }
        if (change <= tolerance) return now;
    }
    throw NumericalError("locations and scales have not settled to " + std::to_string(tolerance) + " in " +
                         std::to_string(max_iterations) + " turns");
}

}  // namespace bcbench::combat
