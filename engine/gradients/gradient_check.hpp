// Gradients against central differences. Knows no method: a gradient is checked for any function of a matrix.
//   numeric(i) = <value_bar, f(x + h e_i) - f(x - h e_i)> / (2 h)
//   error(i) = |analytic - numeric| / max((|analytic| + |numeric|) / 2, floor)
// The difference is taken entry by entry before the sum, so that values that do not move add no rounding error.
// In double: the truncation error falls like h^2 until rounding, which grows like 1 / h, takes over near h = 1e-5.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/core/types.hpp"

namespace bcbench {

/// A value and the discrete choices it was computed with (engine/core/choices.hpp).
struct Evaluation {
    arma::mat value;  // any shape, the same at every point
    std::uint64_t choices = 0;
};

/// May be called by several threads at once.
using Function = std::function<Evaluation(const arma::mat& x)>;

struct GradientCheckOptions {
    /// Steps, each times max(1, |x_i|), tried in turn until the error is within `tolerance`; the smallest error counts.
    /// A wrong gradient disagrees at every step; smaller steps serve strongly curved functions, the larger one those
    /// whose values are large and round alike.
    std::vector<double> steps = {1e-5, 1e-6, 1e-7, 1e-4};
    double tolerance = 1e-6;
    /// Derivatives below this share of the gradient's root mean square are compared absolutely. So are those below what
    /// a difference resolves to `tolerance`: 8 roundings of max(1, the moved values' 2-norm) over the first step.
    double relative_floor = 1e-3;
    /// Coordinates of x to check, in memory order; empty: all.
    std::vector<arma::uword> coordinates;
};

struct GradientReport {
    double worst_error = 0.0;  // infinity if the gradient or a difference is not finite
    arma::uword row = 0;       // where it is
    arma::uword column = 0;
    double analytic = 0.0;  // the values there
    double numeric = 0.0;
    double step = 0.0;
    std::size_t checked = 0;
    std::size_t skipped = 0;  // coordinates where a choice differs between x - h and x + h at every step
};

/// An adjoint of f(x), and what is to be the adjoint of x for it.
struct Adjoint {
    arma::mat value_bar;
    arma::mat x_bar;
};

/// Checks every `x_bar`, all with the same evaluations of `f`. One that is not finite is wrong: then nothing is
/// evaluated, and the others are not checked. Throws std::invalid_argument if shapes do not fit.
std::vector<GradientReport> check_gradients(const Function& f, const arma::mat& x, const std::vector<Adjoint>& adjoints,
                                            const GradientCheckOptions& options = {});

/// The same for one adjoint.
GradientReport check_gradient(const Function& f, const arma::mat& x, const arma::mat& value_bar, const arma::mat& x_bar,
                              const GradientCheckOptions& options = {});

/// The same along whole directions instead of coordinates, a pair of evaluations each whatever the size of x:
///   numeric = <value_bar, f(x + h d) - f(x - h d)> / (2 h),  analytic = <x_bar, d>
/// `options.coordinates` do not count; a report's row is the number of the direction.
std::vector<GradientReport> check_directions(const Function& f, const arma::mat& x,
                                             const std::vector<Adjoint>& adjoints,
                                             const std::vector<arma::mat>& directions,
                                             const GradientCheckOptions& options = {});

/// The worse of two reports, with the sum of their counts.
GradientReport worse_of(const GradientReport& a, const GradientReport& b);

/// Whether the gradient was checked and found right: the error within the tolerance and no more coordinates skipped
/// than checked.
bool is_right(const GradientReport& report, double tolerance);

/// `count` distinct coordinates out of `total`, evenly spread over the range, the same on every call; all if there are
/// no more.
std::vector<arma::uword> spread_coordinates(arma::uword total, arma::uword count);

/// The error of the central difference of a function of one variable at 0, at one step.
struct StepError {
    double step = 0.0;
    double error = 0.0;        // as above, with no floor; infinity if not finite
    bool same_choices = true;  // between -step and +step
};

/// Error against step: `along` is the function on a line through the point, `slope` its derivative at 0 under
/// `value_bar`. A right gradient falls like the square of the step until rounding takes over; a wrong one stays where
/// it is.
std::vector<StepError> step_sweep(const std::function<Evaluation(double)>& along, const arma::mat& value_bar,
                                  double slope, const std::vector<double>& steps);

/// 1e-1, 1e-1.5, 1e-2 ... 1e-9.
std::vector<double> sweep_steps();

}  // namespace bcbench
