#include "experiments/bindings/checks.hpp"

#include <stdexcept>

namespace bcbench {

namespace {

constexpr ScoreRow reference_rows[] = {{"optimized_matches_reference", Direction::higher, Group::check}};
// info: within its tolerance an error is rounding, and neither better nor worse
constexpr ScoreRow gradient_rows[] = {
    {"gradient", Direction::higher, Group::check},
    {"gradient_nonzero", Direction::higher, Group::check_detail},
    {"gradient_finite", Direction::higher, Group::check_detail},
    {"gradient_l2_norm", Direction::info, Group::check_detail},
    {"gradient_max_relative_error", Direction::info, Group::check_detail},
    {"gradient_coordinates_checked", Direction::info, Group::check_detail},
    {"gradient_coordinates_skipped", Direction::info, Group::check_detail},
    {"gradient_decisive_error", Direction::info, Group::check_detail},
    {"gradient_decisive_bound", Direction::info, Group::check_detail},
};

constexpr CheckDefinition checks[] = {
    {"optimized_matches_reference", "the engine's result equals the slow reference implementation",
     "Largest absolute difference of corrected cells, further arrays and losses: at most 1e-5 in float32, 1e-10 in "
     "float64 and tf32 (which is double arithmetic); of arrays and losses beyond 10 in proportion to their size, of "
     "cluster_assignments "
     "in proportion to how much a difference of cells can change them, and of mmd_loss near 0 a hundred times that of "
     "its square. Where a fit magnifies rounding (many iterations between centroids that are far apart for sigma and "
     "temperature) "
     "float32 may not keep this: the row then says 0, and float64 is the arithmetic to use.",
     reference_rows},
    {"gradient", "the gradient of the sum of all corrected entries with respect to the input cells is right",
     "Rows gradient_nonzero, gradient_finite and gradient_l2_norm are of the run's own gradient. "
     "gradient_max_relative_error is the largest error of the reverse pass in float64, with the parameters of the run, "
     "against central differences at 24 coordinates spread over the cells, or, beyond 200,000 entries, along 2 "
     "directions of 8 cells each; those where a discrete choice flips are skipped and counted. In float32 and tf32 "
     "rounding makes the function a staircase without useful differences: there the run's gradient is also compared "
     "with the float64 one (norm of the difference over norm). A cell that chooses another nearest cluster, side of a "
     "clip or unit in float32 lies on another smooth piece, where both gradients are right: float32 is compared in the "
     "cells that chose alike, their norm and the median of them, and held to 1e-5 plus 64 times what a change of the "
     "cells by one rounding makes of the float64 gradient; where most cells chose otherwise, the row is not "
     "applicable. Holds if the gradient is finite, "
     "the error against differences at most 1e-6, no more coordinates are skipped than checked, and that difference "
     "within its bound (tf32: 0.2); and all of this also for a random weight of every corrected entry. "
     "gradient_decisive_error is the figure nearest to or farthest beyond its bound, gradient_decisive_bound that "
     "bound; the point file names it (gradient_decided_by), and check_failures says why a check failed.",
     gradient_rows},
};

}  // namespace

std::span<const CheckDefinition> check_table() { return checks; }

const CheckDefinition& check_named(const std::string& name) {
    for (const CheckDefinition& check : checks) {
        if (name == check.name) return check;
    }
    throw std::invalid_argument("there is no check '" + name + "'");
}

}  // namespace bcbench
