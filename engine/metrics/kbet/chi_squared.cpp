#include "engine/metrics/kbet/chi_squared.hpp"

#include <boost/math/distributions/chi_squared.hpp>

namespace bcbench {

namespace {

// In double itself: Boost's default computes in long double and rounds in the end.
using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;
using ChiSquared = boost::math::chi_squared_distribution<double, InDouble>;

}  // namespace

double chi_squared_upper_tail(double x, double degrees) {
    return boost::math::cdf(boost::math::complement(ChiSquared(degrees), x));
}

double chi_squared_quantile(double alpha, double degrees) {
    return boost::math::quantile(boost::math::complement(ChiSquared(degrees), alpha));
}

}  // namespace bcbench
