#include "experiments/checks/check_gradient.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/random.hpp"
#include "experiments/bindings/checks.hpp"
#include "experiments/checks/gradcheck.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr uword gradient_coordinates = 24;  // each costs two forward passes
constexpr std::uint64_t random_adjoint_seed = 0x6772616402;
constexpr std::uint64_t rounding_seed = 0x6772616403;

// Under the adjoint of the sum of all corrected entries, and under a random one: a method that keeps the sum of the
// cells has a gradient of ones whatever it does; the random adjoint sees what it does.
constexpr std::array<const char*, 2> adjoint_names = {"the sum", "a random weight of every entry"};
using Pair = std::array<arma::mat, 2>;  // [F x n] under each adjoint

// A figure that the check rests on.
struct Figure {
    double value = 0.0;
    double bound = 0.0;  // the largest that is right
    std::string what;
    bool of_float32 = false;  // float64 might tell better

    bool holds() const { return value <= bound; }
    double excess() const { return std::isfinite(value) ? value / std::max(bound, 1e-300) : INFINITY; }
};

// Norm of the difference in the cells (columns) that `counts`, over the norm of the exact gradient there. Rounding is
// in proportion to the adjoint, not to what cancels in the gradient: that of the sum of z-scores is 0. A hundredth of
// the gradient under the other adjoint leaves a difference of float32's 1e-8 at 1e-6.
constexpr double adjoint_floor = 1e-2;

double relative_difference(const Pair& gradients, const CellsGradients& exact, std::size_t a,
                           const std::vector<bool>& counts) {
    double squared = 0.0;
    double own = 0.0;
    double other = 0.0;
    for (uword i = 0; i < gradients[a].n_cols; ++i) {
        if (!counts[i]) continue;
        for (uword f = 0; f < gradients[a].n_rows; ++f) {
            const double right = exact.under[a].gradient(f, i);
            const double beside = exact.under[1 - a].gradient(f, i);
            squared += (gradients[a](f, i) - right) * (gradients[a](f, i) - right);
            own += right * right;
            other += beside * beside;
        }
    }
    return std::sqrt(squared) / std::max({std::sqrt(own), adjoint_floor * std::sqrt(other), 1e-300});
}

// What float32 can be held to.
//   A cell that chooses otherwise in float32 (nearest cluster, side of the clip, unit on or off) lies on another smooth
// piece of the function: there both gradients are right, and they differ by their whole size. So the gradients are
// compared in cells that chose alike.
//   In these, rounding moves the gradient as a change of the cells by a few roundings would: by u = 2^-24 times the
// condition of the problem (a softmax of distances of 500 with sigma 0.1 has one of thousands). That is measured: the
// float64 gradient is taken again at cells times 1 +- u, with random signs. float32 rounds once in every operation, of
// which a cell sees some thousands: the random walk of 4096 roundings is 64 u (14 u was seen at 10 iterations). To it
// come 1e-5, a hundred roundings that do not depend on the cells.
//   Both the norm over all these cells and the median over them are held to it. The norm is that of the few cells which
// magnify rounding most (7e-5 of one rounding at 10,000 cells and 100 clusters); the median, which is near 1e-6 there
// too, sees a planted error of 1e-4.
constexpr double float32_rounding = 0x1p-24;
constexpr double rounding_walk = 64.0;
constexpr double least_float32_bound = 1e-5;

// tf32 rounds the operands of products to 2^-11 and switches many units: up to 0.04 was measured.
constexpr double tf32_bound = 0.2;

// The run's arithmetic is the twin's own.
constexpr double float64_bound = 1e-9;

arma::mat rounded_at_random(const arma::mat& cells) {
    const arma::fmat draws = normal(make_key(rounding_seed), cells.n_rows, cells.n_cols);
    arma::mat moved = cells;
    for (uword i = 0; i < moved.n_elem; ++i) moved[i] *= 1.0 + std::copysign(float32_rounding, double{draws[i]});
    return moved;
}

// Of the cells that count the median of the same difference, each relative to its own gradient and at least to a
// hundredth of the mean one under either adjoint: it sees what is wrong everywhere, however much rounding makes of a
// few cells.
double median_difference(const Pair& gradients, const CellsGradients& exact, std::size_t a,
                         const std::vector<bool>& counts) {
    const arma::mat& right = exact.under[a].gradient;
    const double least = adjoint_floor *
                         std::max(arma::norm(right, "fro"), arma::norm(exact.under[1 - a].gradient, "fro")) /
                         std::sqrt(static_cast<double>(right.n_cols));
    std::vector<double> differences;
    for (uword i = 0; i < right.n_cols; ++i) {
        if (!counts[i]) continue;
        const double size = std::max({arma::norm(right.col(i)), least, 1e-300});
        differences.push_back(arma::norm(gradients[a].col(i) - right.col(i)) / size);
    }
    if (differences.empty()) return 0.0;
    const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
    std::nth_element(differences.begin(), middle, differences.end());
    return *middle;
}

std::vector<bool> alike(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, uword n_cells) {
    std::vector<bool> same(n_cells, true);
    for (uword i = 0; i < n_cells && i < a.size() && i < b.size(); ++i) same[i] = a[i] == b[i];
    return same;
}

uword count(const std::vector<bool>& flags) { return static_cast<uword>(std::count(flags.begin(), flags.end(), true)); }

// Adds the figures of a float32 gradient; returns why it cannot be told right or wrong, or nothing.
template <class Real>
std::string add_float32_figures(const Fit<Real>& fit, const Differentiable& twin, const std::vector<arma::mat>& bars,
                                const Pair& gradients, const CellsGradients& exact, std::vector<Figure>& figures,
                                PointRecord& record) {
    const uword n_cells = gradients.front().n_cols;
    const std::vector<bool> same =
        alike(fit.cell_choices ? fit.cell_choices() : exact.cell_choices, exact.cell_choices, n_cells);
    const uword n_same = count(same);
    record.outputs["gradient_cells_choosing_otherwise"] = n_cells - n_same;
    if (2 * n_same < n_cells) {
        return "in float32 " + std::to_string(n_cells - n_same) + " of " + std::to_string(n_cells) +
               " cells choose otherwise (nearest cluster, side of a clip, active units) than in float64, which leaves "
               "too little to compare with; try precision float64";
    }
    CellsGradients moved = cells_gradients_at(twin, rounded_at_random(twin.inputs.front().values), bars);
    const std::vector<bool> same_moved = alike(moved.cell_choices, exact.cell_choices, n_cells);
    const Pair moved_gradients = {std::move(moved.under[0].gradient), std::move(moved.under[1].gradient)};
    for (std::size_t a = 0; a < bars.size(); ++a) {
        const double condition = relative_difference(moved_gradients, exact, a, same_moved);
        figures.push_back(
            {relative_difference(gradients, exact, a, same), least_float32_bound + rounding_walk * condition,
             std::string("relative difference to the float64 gradient under ") + adjoint_names[a] + " in the " +
                 std::to_string(n_same) + " of " + std::to_string(n_cells) + " cells that chose alike",
             true});
        figures.push_back(
            {median_difference(gradients, exact, a, same),
             least_float32_bound + rounding_walk * median_difference(moved_gradients, exact, a, same_moved),
             std::string("median over these cells of the same difference of each under ") + adjoint_names[a], true});
    }
    return "";
}

void add_difference_figures(const GradientReport& report, const char* adjoint, bool along_directions,
                            std::vector<Figure>& figures) {
    const std::string place =
        along_directions ? "along direction " + std::to_string(report.row)
                         : "at cell " + std::to_string(report.column) + ", feature " + std::to_string(report.row);
    const std::string of = std::string(" under ") + adjoint;
    if (report.checked > 0) {
        figures.push_back({report.worst_error, gradient_tolerance,
                           "relative error against central differences" + of + " " + place + " (reverse pass " +
                               number_text(report.analytic) + ", difference " + number_text(report.numeric) + ")"});
    }
    if (report.skipped > report.checked) {
        figures.push_back({static_cast<double>(report.skipped), static_cast<double>(report.checked),
                           "coordinates where a discrete choice flips" + of + ", of which no more may be than others"});
    }
}

// The row with its value, or without one for the reason given.
void add_row(const std::string& name, std::optional<double> value, const std::string& reason, PointRecord& record) {
    const std::span<const ScoreRow> rows = check_named("gradient").rows;
    const ScoreRow& row =
        *std::find_if(rows.begin(), rows.end(), [&](const ScoreRow& each) { return name == each.name; });
    record.scores.push_back(value ? score(row, *value) : not_applicable(row, reason));
}

std::string failures_text(const std::vector<Figure>& figures) {
    std::string text;
    bool of_float32 = false;
    for (const Figure& figure : figures) {
        if (figure.holds()) continue;
        text += (text.empty() ? "" : "; ") + figure.what + " is " +
                (std::isfinite(figure.value) ? number_text(figure.value) : "not finite") + ", allowed " +
                number_text(figure.bound);
        of_float32 = of_float32 || figure.of_float32;
    }
    return text + (of_float32 ? "; try precision float64" : "");
}

}  // namespace

template <class Real>
void check_gradient_of_fit(const Fit<Real>& fit, Precision precision, PointRecord& record) {
    if (!fit.backward || !fit.differentiable) {
        for (Score& row : not_applicable(check_named("gradient").rows, "the method is not differentiable"))
            record.scores.push_back(std::move(row));
        return;
    }
    const uword n_features = fit.corrected.n_rows;
    const uword n_cells = fit.corrected.n_cols;
    const std::vector<arma::mat> bars = {
        arma::ones(n_features, n_cells),
        arma::conv_to<arma::mat>::from(normal(make_key(random_adjoint_seed), n_features, n_cells))};
    Pair gradients;
    for (std::size_t a = 0; a < bars.size(); ++a) {
        gradients[a] = arma::conv_to<arma::mat>::from(fit.backward(arma::conv_to<Matrix<Real>>::from(bars[a])));
    }
    const Differentiable twin = fit.differentiable();
    const CellsGradients exact = check_cells_gradients(twin, bars, gradient_coordinates);
    const bool along_directions = fit.corrected.n_elem > most_by_coordinates;

    std::vector<Figure> figures;
    std::string cannot_tell;
    const bool finite = gradients[0].is_finite() && gradients[1].is_finite();
    if (!finite) figures.push_back({INFINITY, 0.0, "an entry of the gradient"});
    for (std::size_t a = 0; a < bars.size(); ++a) {
        add_difference_figures(exact.under[a].report, adjoint_names[a], along_directions, figures);
    }
    double whole = 0.0;
    const std::vector<bool> every_cell(n_cells, true);
    for (std::size_t a = 0; a < bars.size(); ++a) {
        const double difference = relative_difference(gradients, exact, a, every_cell);
        whole = std::max(whole, difference);
        if (!finite || precision == Precision::float32) continue;
        figures.push_back({difference, precision == Precision::tf32 ? tf32_bound : float64_bound,
                           std::string("relative difference to the float64 gradient under ") + adjoint_names[a]});
    }
    if (finite && precision == Precision::float32)
        cannot_tell = add_float32_figures(fit, twin, bars, gradients, exact, figures, record);
    const bool nothing_checked = exact.under[0].report.checked + exact.under[1].report.checked == 0;
    if (nothing_checked) {
        cannot_tell = "a discrete choice flips at every coordinate, which leaves nothing to compare with";
        std::erase_if(figures, [](const Figure& figure) { return figure.what.rfind("coordinates", 0) == 0; });
    }
    const bool right = std::all_of(figures.begin(), figures.end(), [](const Figure& figure) { return figure.holds(); });
    const auto decisive = std::max_element(figures.begin(), figures.end(),
                                           [](const Figure& a, const Figure& b) { return a.excess() < b.excess(); });
    const bool untold = right && !cannot_tell.empty();

    record.outputs["gradient_shape"] = {n_cells, n_features};
    if (precision != Precision::float64 && std::isfinite(whole)) record.outputs["gradient_float64_difference"] = whole;
    if (along_directions) record.outputs["gradient_checked_along"] = "directions";
    if (decisive != figures.end()) record.outputs["gradient_decided_by"] = decisive->what;
    if (!right) record.outputs["check_failures"]["gradient"] = failures_text(figures);

    const auto number = [](double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; };
    const auto yes_or_no = [](bool holds) { return std::optional(holds ? 1.0 : 0.0); };
    const auto add = [&](const char* name, std::optional<double> value, const std::string& reason) {
        add_row(name, value, reason, record);
    };
    const arma::mat& gradient = gradients.front();
    const GradientReport& report = exact.under.front().report;
    add("gradient", untold ? std::nullopt : yes_or_no(right), cannot_tell);
    add("gradient_nonzero", yes_or_no(arma::any(arma::vectorise(gradient != 0.0))), "");
    add("gradient_finite", yes_or_no(gradient.is_finite()), "");
    add("gradient_l2_norm", number(arma::norm(gradient, "fro")), "the gradient is not finite");
    add("gradient_max_relative_error", number(report.worst_error), "the gradient or a difference is not finite");
    add("gradient_coordinates_checked", static_cast<double>(report.checked), "");
    add("gradient_coordinates_skipped", static_cast<double>(report.skipped), "");
    const bool decided = decisive != figures.end() && std::isfinite(decisive->value);
    add("gradient_decisive_error", decided ? std::optional(decisive->value) : std::nullopt,
        "there is no figure that is finite");
    add("gradient_decisive_bound", decided ? std::optional(decisive->bound) : std::nullopt,
        "there is no figure that is finite");
}

template void check_gradient_of_fit(const Fit<float>&, Precision, PointRecord&);
template void check_gradient_of_fit(const Fit<double>&, Precision, PointRecord&);

}  // namespace bcbench
