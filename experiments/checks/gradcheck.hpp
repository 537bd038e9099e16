// Gradients of whole fits against finite differences, in double: the check "gradient" and the command gradcheck.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/gradients/gradient_check.hpp"
#include "experiments/bindings/method.hpp"
#include "experiments/plan/plan.hpp"

namespace bcbench {

/// Largest error of a right gradient. Central differences in double reach 1e-7 or better on curved functions
/// (truncation near 1e-10 times the third derivative, rounding near 1e-11 times the values, both at a step of 1e-5); a
/// wrong term shows as 1e-2 and more.
inline constexpr double gradient_tolerance = 1e-6;

/// The worst coordinate of one output's gradient over some inputs.
struct OutputGradient {
    std::string output;
    std::string input;  // that the worst coordinate belongs to
    GradientReport report;
};

struct CellsGradient {
    arma::mat gradient;  // [F x n]
    GradientReport report;
};

/// Gradients of the corrected cells with respect to the cells alone, one for each adjoint, and what each cell chose.
struct CellsGradients {
    std::vector<CellsGradient> under;         // each adjoint
    std::vector<std::uint64_t> cell_choices;  // [n]; empty: no cell chooses
};

/// Beyond this many entries a check goes along this many directions instead of along coordinates. A direction moves
/// every feature of a few cells: one that moved all cells would have some of them choose otherwise at any step.
inline constexpr arma::uword most_by_coordinates = 200000;
inline constexpr arma::uword directions_checked = 2;
inline constexpr arma::uword cells_per_direction = 8;

/// Checks the gradients for the adjoints in `corrected_bars` [F x n], at up to `n_coordinates` coordinates or, of many
/// entries, along `directions_checked` directions.
CellsGradients check_cells_gradients(const Differentiable& fit, const std::vector<arma::mat>& corrected_bars,
                                     arma::uword n_coordinates);

/// The same gradients, unchecked, at other cells [F x n].
CellsGradients cells_gradients_at(const Differentiable& fit, arma::mat cells,
                                  const std::vector<arma::mat>& corrected_bars);

/// The fixed random adjoint of a value: standard normal, of its shape.
arma::mat adjoint_of_check(const arma::mat& value);

/// Checks the gradient of `output` with respect to every input, for a fixed random adjoint, at up to `n_coordinates` of
/// each input. `step` 0: the steps of GradientCheckOptions; else this one alone.
OutputGradient check_output_gradient(const Differentiable& fit, const DifferentiableOutput& output,
                                     arma::uword n_coordinates, double step = 0.0);

/// Error against step of one output under a fixed random adjoint, along a fixed random direction of length 1 in all
/// inputs at once: autoencoders are piecewise linear in each input alone, where central differences have no truncation
/// error.
std::vector<StepError> step_errors(const Differentiable& fit, const DifferentiableOutput& output,
                                   const std::vector<double>& steps);

struct GradcheckOptions {
    std::string only;              // pattern on point ids; empty: all
    double step = 0.0;             // 0: the default steps
    arma::uword coordinates = 20;  // of each input
    bool steps = false;            // error against step as CSV instead of the table
    unsigned threads = 1;
    std::filesystem::path save;  // directory for what another program needs to repeat the check: empty: none
};

struct GradcheckResult {
    std::string text;        // for stdout
    std::size_t wrong = 0;   // outputs whose gradient is wrong or could not be checked
    std::size_t failed = 0;  // points that could not be run
};

/// Checks every selected point of the plan in float64, whatever the precision of the config.
GradcheckResult run_gradcheck(const Plan& plan, const GradcheckOptions& options);

}  // namespace bcbench
