// The checker itself: it must pass right gradients and fail wrong ones.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "engine/core/choices.hpp"
#include "engine/core/parallel.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// f(x) = sin(x) entry by entry and the sum of all cubes: gradient known in closed form.
Evaluation smooth(const arma::mat& x) {
    arma::mat value(x.n_rows + 1, x.n_cols);
    value.head_rows(x.n_rows) = arma::sin(x);
    value.tail_rows(1).fill(arma::accu(arma::pow(x, 3)));
    return {value, 0};
}

arma::mat smooth_backward(const arma::mat& x, const arma::mat& value_bar) {
    return value_bar.head_rows(x.n_rows) % arma::cos(x) + 3.0 * arma::accu(value_bar.tail_rows(1)) * arma::square(x);
}

// |x| entry by entry, with the signs as its choices.
Evaluation absolute(const arma::mat& x) {
    Evaluation evaluation{arma::abs(x), 0};
    for (const double entry : x) evaluation.choices = with_choice(evaluation.choices, entry > 0.0 ? 1 : 0);
    return evaluation;
}

struct Problem {
    arma::mat x = random_matrix(1, 3, 4);
    arma::mat value_bar = random_matrix(2, 4, 4);
    arma::mat x_bar = smooth_backward(x, value_bar);
};

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a known gradient passes at every coordinate", "[gradient_check]") {
    const Problem p;
    const GradientReport report = check_gradient(smooth, p.x, p.value_bar, p.x_bar);
    require_right(report);
    REQUIRE(report.checked == p.x.n_elem);
    REQUIRE(report.skipped == 0);
    REQUIRE(is_right(report, 1e-6));
}

TEST_CASE("any number of threads gives the same report", "[gradient_check]") {
    Problem p;
    p.x_bar[7] *= 1.0 + 1e-4;
    const GradientReport alone = check_gradient(smooth, p.x, p.value_bar, p.x_bar);
    for (const unsigned threads : {2U, 8U}) {
        set_thread_count(threads);
        const GradientReport report = check_gradient(smooth, p.x, p.value_bar, p.x_bar);
        set_thread_count(1);
        CHECK(report.worst_error == alone.worst_error);
        CHECK(report.numeric == alone.numeric);
        CHECK(report.row == alone.row);
        CHECK(report.column == alone.column);
        CHECK(report.checked == alone.checked);
    }
}

TEST_CASE("several adjoints share the evaluations, and each gets the report it has alone", "[gradient_check]") {
    const Problem p;
    const arma::mat other_bar = random_matrix(5, 4, 4);
    std::vector<Adjoint> adjoints = {{p.value_bar, p.x_bar}, {other_bar, smooth_backward(p.x, other_bar)}};
    adjoints[1].x_bar(1, 2) *= 1.0 + 1e-4;
    std::size_t evaluations = 0;
    const auto counted = [&](const arma::mat& x) {
        ++evaluations;
        return smooth(x);
    };
    const std::vector<GradientReport> reports = check_gradients(counted, p.x, adjoints);
    CHECK(evaluations == 2 * (p.x.n_elem + 3));  // the wrong entry is tried at every one of the four steps
    REQUIRE(reports.size() == 2);
    CHECK(is_right(reports[0], 1e-6));
    CHECK_FALSE(is_right(reports[1], 1e-6));
    for (std::size_t a = 0; a < 2; ++a) {
        const GradientReport alone = check_gradient(smooth, p.x, adjoints[a].value_bar, adjoints[a].x_bar);
        CHECK(reports[a].worst_error == alone.worst_error);
        CHECK(reports[a].numeric == alone.numeric);
        CHECK(reports[a].row == alone.row);
        CHECK(reports[a].column == alone.column);
        CHECK(reports[a].step == alone.step);
        CHECK(reports[a].checked == alone.checked);
    }
}

TEST_CASE("beside an adjoint that is not finite the others are not checked", "[gradient_check]") {
    const Problem p;
    std::vector<Adjoint> adjoints(2, {p.value_bar, p.x_bar});
    adjoints[1].x_bar(0, 1) = not_a_number;
    const std::vector<GradientReport> reports = check_gradients(smooth, p.x, adjoints);
    CHECK(reports[0].checked == 0);
    CHECK_FALSE(is_right(reports[0], 1e-6));
    CHECK(std::isinf(reports[1].worst_error));
    CHECK(reports[1].column == 1);
}

TEST_CASE("one entry off by 1e-4 is found, with its place and values", "[gradient_check]") {
    for (arma::uword wrong = 0; wrong < Problem().x.n_elem; ++wrong) {
        Problem p;
        const double right = p.x_bar[wrong];
        p.x_bar[wrong] *= 1.0 + 1e-4;
        const GradientReport report = check_gradient(smooth, p.x, p.value_bar, p.x_bar);
        REQUIRE_FALSE(is_right(report, 1e-6));
        REQUIRE(report.worst_error == Approx(1e-4).epsilon(0.01));
        REQUIRE(report.row == wrong % 3);
        REQUIRE(report.column == wrong / 3);
        REQUIRE(report.analytic == p.x_bar[wrong]);
        REQUIRE(report.numeric == Approx(right).epsilon(1e-7));
    }
}

TEST_CASE("signs, exchanged entries and a forgotten factor are found", "[gradient_check]") {
    const Problem p;
    for (const arma::mat& wrong :
         {arma::mat(-p.x_bar), arma::mat(2.0 * p.x_bar), arma::mat(arma::reverse(p.x_bar)), arma::mat(0.0 * p.x_bar)}) {
        REQUIRE_FALSE(is_right(check_gradient(smooth, p.x, p.value_bar, wrong), 1e-6));
    }
}

TEST_CASE("a gradient that is not finite fails before anything is evaluated", "[gradient_check]") {
    for (const double bad : {not_a_number, arma::datum::inf, -arma::datum::inf}) {
        Problem p;
        p.x_bar(2, 3) = bad;
        bool evaluated = false;
        const auto f = [&](const arma::mat& x) {
            evaluated = true;
            return smooth(x);
        };
        const GradientReport report = check_gradient(f, p.x, p.value_bar, p.x_bar);
        REQUIRE(std::isinf(report.worst_error));
        REQUIRE(report.row == 2);
        REQUIRE(report.column == 3);
        REQUIRE_FALSE(evaluated);
        REQUIRE_FALSE(is_right(report, 1e-6));
    }
}

TEST_CASE("a function that is not finite beside the point fails", "[gradient_check]") {
    const arma::mat x(1, 1, arma::fill::zeros);
    const auto root = [](const arma::mat& at) { return Evaluation{arma::sqrt(at), 0}; };               // NaN below 0
    const auto endless = [](const arma::mat&) { return Evaluation{arma::mat{arma::datum::inf}, 0}; };  // without change
    for (const Function& f : {Function(root), Function(endless)}) {
        const GradientReport report = check_gradient(f, x, arma::mat{1.0}, arma::mat{1.0});
        REQUIRE(std::isinf(report.worst_error));
        REQUIRE_FALSE(is_right(report, 1e-6));
    }
}

TEST_CASE("where a choice flips the coordinate is skipped and counted", "[gradient_check]") {
    arma::mat x = random_matrix(3, 2, 3);
    x(1, 1) = 0.0;
    const arma::mat ones(2, 3, arma::fill::ones);
    arma::mat x_bar = arma::sign(x);
    x_bar(1, 1) = 5.0;  // anything: |x| has no derivative there
    const GradientReport report = check_gradient(absolute, x, ones, x_bar);
    REQUIRE(report.skipped == 1);
    REQUIRE(report.checked == 5);
    REQUIRE(report.worst_error < 1e-9);
    REQUIRE(is_right(report, 1e-6));
}

TEST_CASE("a coordinate is skipped only if a choice flips at every step", "[gradient_check]") {
    const arma::mat x(1, 1, arma::fill::value(3e-7));
    const arma::mat one(1, 1, arma::fill::ones);
    const GradientReport report = check_gradient(absolute, x, one, one);  // flips at 1e-5 and 1e-6, not at 1e-7
    REQUIRE(report.checked == 1);
    REQUIRE(report.step == 1e-7);
}

TEST_CASE("a gradient that was mostly skipped is not right", "[gradient_check]") {
    const arma::mat x(4, 1, arma::fill::zeros);
    const arma::mat ones(4, 1, arma::fill::ones);
    const GradientReport report = check_gradient(absolute, x, ones, ones);
    REQUIRE(report.checked == 0);
    REQUIRE(report.skipped == 4);
    REQUIRE_FALSE(is_right(report, 1e-6));
    REQUIRE(is_right(GradientReport{0, 0, 0, 0, 0, 0, 2, 2}, 1e-6));
    REQUIRE_FALSE(is_right(GradientReport{0, 0, 0, 0, 0, 0, 2, 3}, 1e-6));
}

TEST_CASE("strong curvature is met by a smaller step, never by a looser error", "[gradient_check]") {
    const auto wave = [](const arma::mat& at) { return Evaluation{arma::sin(3e3 * at), 0}; };
    const arma::mat x(1, 1, arma::fill::value(0.3));
    const arma::mat one(1, 1, arma::fill::ones);
    const arma::mat slope = 3e3 * arma::cos(3e3 * x);
    GradientCheckOptions one_step;
    one_step.steps = {1e-5};
    REQUIRE_FALSE(is_right(check_gradient(wave, x, one, slope, one_step), 1e-6));
    const GradientReport report = check_gradient(wave, x, one, slope);
    REQUIRE(is_right(report, 1e-6));
    REQUIRE(report.step < 1e-5);
    REQUIRE_FALSE(is_right(check_gradient(wave, x, one, slope * (1.0 + 1e-4)), 1e-6));
}

TEST_CASE("only the chosen coordinates are checked", "[gradient_check]") {
    Problem p;
    p.x_bar[5] += 1.0;
    GradientCheckOptions options;
    options.coordinates = {0, 4, 11};
    REQUIRE(is_right(check_gradient(smooth, p.x, p.value_bar, p.x_bar, options), 1e-6));
    options.coordinates = {0, 5};
    REQUIRE_FALSE(is_right(check_gradient(smooth, p.x, p.value_bar, p.x_bar, options), 1e-6));
    options.coordinates = {12};
    REQUIRE_THROWS_AS(check_gradient(smooth, p.x, p.value_bar, p.x_bar, options), std::invalid_argument);
}

TEST_CASE("shapes that do not fit are refused", "[gradient_check]") {
    const Problem p;
    REQUIRE_THROWS_AS(check_gradient(smooth, p.x, p.value_bar, p.x_bar.head_cols(2)), std::invalid_argument);
    REQUIRE_THROWS_AS(check_gradient(smooth, p.x, p.value_bar.head_cols(2), p.x_bar), std::invalid_argument);
}

TEST_CASE("spread coordinates are distinct and within range", "[gradient_check]") {
    for (const arma::uword total : {1U, 7U, 64U, 65U, 3000U, 1000003U}) {
        for (const arma::uword count : {1u, 2u, 64u, 100u}) {
            const std::vector<arma::uword> chosen = spread_coordinates(total, count);
            REQUIRE(chosen.size() == std::min<arma::uword>(total, count));
            REQUIRE(std::set<arma::uword>(chosen.begin(), chosen.end()).size() == chosen.size());
            REQUIRE(*std::max_element(chosen.begin(), chosen.end()) < total);
        }
    }
}

TEST_CASE("a right slope falls like the square of the step, a wrong one does not", "[gradient_check]") {
    const Problem p;
    const arma::mat direction = random_like(4, p.x);
    const auto along = [&](double t) { return smooth(p.x + t * direction); };
    const double slope = inner(p.x_bar, direction);
    const std::vector<StepError> right = step_sweep(along, p.value_bar, slope, sweep_steps());
    REQUIRE(right.front().step == Approx(1e-1));
    REQUIRE(right.back().step == Approx(1e-9));
    REQUIRE(right[4].error / right[0].error == Approx(1e-4).epsilon(0.1));  // two decades of step, four of error
    const std::vector<StepError> wrong = step_sweep(along, p.value_bar, slope * (1.0 + 1e-4), sweep_steps());
    for (const StepError& error : wrong) REQUIRE(error.error > 0.5e-4);
    const std::vector<StepError> kinked =
        step_sweep([](double t) { return absolute(arma::mat(1, 1, arma::fill::value(t))); },
                   arma::mat(1, 1, arma::fill::ones), 1.0, {1e-3});
    REQUIRE_FALSE(kinked.front().same_choices);
}
