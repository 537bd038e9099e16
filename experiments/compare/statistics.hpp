// The tests behind a comparison: paired means over seeds, and times from few repeats.
#pragma once

#include <cstddef>
#include <vector>

namespace bcbench {

constexpr double significance = 0.05;  // p-values below it are findings

/// An estimate with its confidence interval and the two-sided p-value of "no effect".
struct Estimate {
    double value = 0.0;
    double low = 0.0;
    double high = 0.0;
    double p = 1.0;
};

/// Mean of paired differences: interval and p-value by Student's t with n - 1 degrees of freedom. Needs n
/// >= 2. Differences that are all equal, or too small to tell apart, have an
/// interval without width and p = 0, or p = 1 if their mean is 0.
Estimate mean_difference(const std::vector<double>& differences, double confidence);

/// p-values corrected for their number by Holm's method, in the order given.
std::vector<double> holm(const std::vector<double>& p_values);

/// Two-sided p-value of the Mann-Whitney U test. Exact, also with ties, for up to 40 values in all; beyond
/// that the normal approximation with corrections for ties and continuity. Both samples need at least one
/// value.
double mann_whitney(const std::vector<double>& a, const std::vector<double>& b);

/// The smallest p-value that the exact test can give with samples of these sizes: 2 / C(n_a + n_b, n_a).
double smallest_mann_whitney(std::size_t n_a, std::size_t n_b);

/// How many times larger `b` is than `a` (both positive): the Hodges-Lehmann estimate exp(median of ln b_j -
/// ln a_i), the interval that goes with the Mann-Whitney test, [0, infinity] if there are too few values for
/// one, and that test's p.
Estimate ratio(const std::vector<double>& a, const std::vector<double>& b, double confidence);

}  // namespace bcbench
