#include "engine/gradients/gradient_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Evaluations of points up to this size run side by side; those of larger ones, whose values and tapes are large too,
// run one after another, each on all threads.
constexpr uword most_side_by_side = uword{1} << 20;

struct Difference {
    double value = 0.0;      // <value_bar, after - before>
    double magnitude = 0.0;  // 2-norm of value_bar times the values that moved: what its rounding error is relative to
};

Difference difference(const arma::mat& value_bar, const arma::mat& after, const arma::mat& before) {
    require(arma::size(after) == arma::size(value_bar) && arma::size(before) == arma::size(value_bar),
            "the adjoint has another shape than the function's value");
    Difference result;
    for (uword i = 0; i < value_bar.n_elem; ++i) {
        if (after[i] == before[i] && std::isfinite(after[i])) continue;
        result.value += value_bar[i] * (after[i] - before[i]);
        result.magnitude += value_bar[i] * after[i] * value_bar[i] * after[i];
    }
    result.magnitude = std::sqrt(result.magnitude);
    return result;
}

double error_of(double analytic, double numeric, double floor) {
    if (!std::isfinite(analytic) || !std::isfinite(numeric)) return infinity;
    if (analytic == numeric) return 0.0;
    return std::abs(analytic - numeric) / std::max(0.5 * (std::abs(analytic) + std::abs(numeric)), floor);
}

// One coordinate's derivative under one adjoint.
struct Derivative {
    const arma::mat* value_bar = nullptr;
    double analytic = 0.0;
    double floor = 0.0;
    GradientReport report;  // `checked` is 0 while a choice has differed at every step
};

bool is_settled(const Derivative& derivative, double tolerance) {
    return derivative.report.checked > 0 && derivative.report.worst_error <= tolerance;
}

void check_step(const Evaluation& after, const Evaluation& before, double h, double width, double rounding,
                Derivative& derivative) {
    const Difference moved = difference(*derivative.value_bar, after.value, before.value);
    const double numeric = moved.value / width;
    const double floor = std::max(derivative.floor, rounding * std::max(1.0, moved.magnitude));
    const double error = error_of(derivative.analytic, numeric, floor);
    GradientReport& report = derivative.report;
    if (report.checked == 0 || error < report.worst_error) {
        report.worst_error = error;
        report.numeric = numeric;
        report.step = h;
    }
    report.checked = 1;
}

// The derivatives of along(h) at h = 0, at every step, times `scale`, until the error of each is small enough.
// width(h): how far along(h) and along(-h) lie apart.
template <class Along, class Width>
void check_line(const Along& along, const Width& width, double scale, std::vector<Derivative>& derivatives,
                const GradientCheckOptions& options) {
    const auto settled = [&](const Derivative& derivative) { return is_settled(derivative, options.tolerance); };
    const double first_step = options.steps.front() * scale;
    const double rounding = 8.0 * std::numeric_limits<double>::epsilon() / first_step / options.tolerance;
    for (const double step : options.steps) {
        const double h = step * scale;
        const Evaluation after = along(h);
        const Evaluation before = along(-h);
        if (after.choices != before.choices) continue;
        for (Derivative& derivative : derivatives) {
            if (!settled(derivative)) check_step(after, before, h, width(h), rounding, derivative);
        }
        if (std::all_of(derivatives.begin(), derivatives.end(), settled)) break;
    }
    for (Derivative& derivative : derivatives) {
        derivative.report.skipped = 1 - derivative.report.checked;
        derivative.report.analytic = derivative.analytic;
    }
}

// The derivatives with respect to x[i].
void check_coordinate(const Function& f, arma::mat x, uword i, std::vector<Derivative>& derivatives,
                      const GradientCheckOptions& options) {
    const double at = x[i];
    const auto along = [&](double h) {
        x[i] = at + h;
        return f(x);
    };
    const auto width = [at](double h) { return (at + h) - (at - h); };
    check_line(along, width, std::max(1.0, std::abs(at)), derivatives, options);
    for (Derivative& derivative : derivatives) {
        derivative.report.row = i % x.n_rows;
        derivative.report.column = i / x.n_rows;
    }
}

// Of the first entry that is not finite; unchecked if there is none.
GradientReport report_of_not_finite(const arma::mat& x_bar) {
    GradientReport report;
    for (uword i = 0; i < x_bar.n_elem && report.checked == 0; ++i) {
        if (std::isfinite(x_bar[i])) continue;
        report.worst_error = infinity;
        report.row = i % x_bar.n_rows;
        report.column = i / x_bar.n_rows;
        report.analytic = x_bar[i];
        report.checked = 1;
    }
    return report;
}

double root_mean_square(const arma::mat& x_bar) {
    return x_bar.empty() ? 0.0 : arma::norm(arma::vectorise(x_bar)) / std::sqrt(static_cast<double>(x_bar.n_elem));
}

}  // namespace

std::vector<GradientReport> check_gradients(const Function& f, const arma::mat& x, const std::vector<Adjoint>& adjoints,
                                            const GradientCheckOptions& options) {
    require(!options.steps.empty(), "a gradient check needs a step");
    std::vector<GradientReport> worst;
    std::vector<Derivative> derivatives;  // those of the coordinate 0, to be filled in for each
    for (const Adjoint& adjoint : adjoints) {
        require(arma::size(adjoint.x_bar) == arma::size(x), "the gradient has another shape than the point");
        worst.push_back(report_of_not_finite(adjoint.x_bar));
        derivatives.push_back({&adjoint.value_bar, 0.0, options.relative_floor * root_mean_square(adjoint.x_bar), {}});
    }
    if (std::any_of(worst.begin(), worst.end(), [](const GradientReport& report) { return report.checked > 0; }))
        return worst;

    const std::vector<uword>& chosen = options.coordinates;
    std::vector<std::vector<Derivative>> checked(chosen.empty() ? x.n_elem : chosen.size(), derivatives);
    const auto check = [&](std::size_t n) {
        const uword i = chosen.empty() ? n : chosen[n];
        require(i < x.n_elem, "a coordinate to check lies outside the point");
        for (std::size_t a = 0; a < adjoints.size(); ++a) checked[n][a].analytic = adjoints[a].x_bar[i];
        check_coordinate(f, x, i, checked[n], options);
    };
    if (x.n_elem <= most_side_by_side) {
        parallel_for(checked.size(), check);
    } else {
        for (std::size_t n = 0; n < checked.size(); ++n) check(n);
    }
    for (const std::vector<Derivative>& coordinate : checked) {
        for (std::size_t a = 0; a < worst.size(); ++a) worst[a] = worse_of(worst[a], coordinate[a].report);
    }
    return worst;
}

std::vector<GradientReport> check_directions(const Function& f, const arma::mat& x,
                                             const std::vector<Adjoint>& adjoints,
                                             const std::vector<arma::mat>& directions,
                                             const GradientCheckOptions& options) {
    require(!options.steps.empty(), "a gradient check needs a step");
    std::vector<GradientReport> worst;
    for (const Adjoint& adjoint : adjoints) {
        require(arma::size(adjoint.x_bar) == arma::size(x), "the gradient has another shape than the point");
        worst.push_back(report_of_not_finite(adjoint.x_bar));
    }
    if (std::any_of(worst.begin(), worst.end(), [](const GradientReport& report) { return report.checked > 0; }))
        return worst;
    for (std::size_t d = 0; d < directions.size(); ++d) {
        const arma::mat& direction = directions[d];
        require(arma::size(direction) == arma::size(x), "a direction has another shape than the point");
        std::vector<Derivative> derivatives;
        for (const Adjoint& adjoint : adjoints) {
            const double floor =
                options.relative_floor * root_mean_square(adjoint.x_bar) * arma::norm(direction, "fro");
            derivatives.push_back({&adjoint.value_bar, arma::accu(adjoint.x_bar % direction), floor, {}});
        }
        const auto along = [&](double h) { return f(x + h * direction); };
        check_line(
            along, [](double h) { return 2.0 * h; }, 1.0, derivatives, options);
        for (std::size_t a = 0; a < worst.size(); ++a) {
            derivatives[a].report.row = d;
            worst[a] = worse_of(worst[a], derivatives[a].report);
        }
    }
    return worst;
}

GradientReport check_gradient(const Function& f, const arma::mat& x, const arma::mat& value_bar, const arma::mat& x_bar,
                              const GradientCheckOptions& options) {
    return check_gradients(f, x, {{value_bar, x_bar}}, options).front();
}

GradientReport worse_of(const GradientReport& a, const GradientReport& b) {
    const bool take_b = a.checked == 0 || (b.checked > 0 && b.worst_error > a.worst_error);
    GradientReport worse = take_b ? b : a;
    worse.checked = a.checked + b.checked;
    worse.skipped = a.skipped + b.skipped;
    return worse;
}

bool is_right(const GradientReport& report, double tolerance) {
    return report.checked > 0 && report.worst_error <= tolerance && report.skipped <= report.checked;
}

std::vector<uword> spread_coordinates(uword total, uword count) {
    std::vector<uword> coordinates(std::min(total, count));
    // the middle of each of `count` equal parts, shifted by the part's number so that no row or column is favoured
    for (uword i = 0; i < coordinates.size(); ++i) {
        const uword first = i * total / coordinates.size();
        const uword width = (i + 1) * total / coordinates.size() - first;
        coordinates[i] = first + (i * 7919) % width;
    }
    return coordinates;
}

std::vector<StepError> step_sweep(const std::function<Evaluation(double)>& along, const arma::mat& value_bar,
                                  double slope, const std::vector<double>& steps) {
    std::vector<StepError> errors;
    for (const double step : steps) {
        const Evaluation after = along(step);
        const Evaluation before = along(-step);
        const double numeric = difference(value_bar, after.value, before.value).value / (2.0 * step);
        errors.push_back({step, error_of(slope, numeric, 0.0), after.choices == before.choices});
    }
    return errors;
}

std::vector<double> sweep_steps() {
    std::vector<double> steps;
    for (int half_decade = -2; half_decade >= -18; --half_decade) steps.push_back(std::pow(10.0, 0.5 * half_decade));
    return steps;
}

}  // namespace bcbench
