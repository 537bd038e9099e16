// The chi-squared distribution.
#pragma once

namespace bcbench {

/// P(chi^2 > x) with `degrees` >= 1 degrees of freedom, x >= 0.
double chi_squared_upper_tail(double x, double degrees);

/// The x with P(chi^2 > x) = alpha, 0 < alpha < 1.
double chi_squared_quantile(double alpha, double degrees);

}  // namespace bcbench
