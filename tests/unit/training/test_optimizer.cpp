// Optimisers against steps computed by hand, and what schedules promise.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/training/optimizer.hpp"
#include "engine/training/schedule.hpp"

using namespace bcbench;
using optimizer::Rule;

namespace {

// The parameter after updates with the given gradients, from 1, at rate 0.1.
double after(const optimizer::Options& options, const std::vector<double>& gradients) {
    Matrix<double> parameter(1, 1);
    Matrix<double> gradient(1, 1);
    parameter(0, 0) = 1.0;
    optimizer::State<double> state;
    for (const double g : gradients) {
        gradient(0, 0) = g;
        optimizer::update<double>(options, 0.1, {&parameter}, {&gradient}, state);
    }
    return parameter(0, 0);
}

}  // namespace

TEST_CASE("adam takes the steps of its paper", "[training]") {
    const optimizer::Options adam{Rule::adam, 0.5, 0.75, 0.0};
    // t = 1: m / (1 - 0.5) = 2, v / (1 - 0.75) = 4, step 0.1 * 2 / 2
    REQUIRE(after(adam, {2.0}) == Approx(1.0 - 0.1 * 2.0 / (2.0 + 1e-8)).epsilon(1e-14));
    // t = 2, g = -1: m = 0.5 * 1 - 0.5 = 0, so that nothing moves
    REQUIRE(after(adam, {2.0, -1.0}) == after(adam, {2.0}));
    // t = 3, g = 4: m = 2, m / (1 - 0.125) = 16/7; v = 0.75 (0.75 * 1 + 0.25) + 0.25 * 16 = 4.75, v / (1 - 0.421875) =
    // 304/37
    const double third = 0.1 * (16.0 / 7.0) / (std::sqrt(304.0 / 37.0) + 1e-8);
    REQUIRE(after(adam, {2.0, -1.0, 4.0}) == Approx(after(adam, {2.0}) - third).epsilon(1e-14));
}

TEST_CASE("rmsprop divides by the root of the remembered square", "[training]") {
    const optimizer::Options rmsprop{Rule::rmsprop, 0.5, 0.75, 0.0};
    const double first = 0.1 * 2.0 / (1.0 + 1e-8);  // v = 0.25 * 4
    REQUIRE(after(rmsprop, {2.0}) == Approx(1.0 - first).epsilon(1e-14));
    const double second = 0.1 * 1.0 / (1.0 + 1e-8);  // v = 0.75 * 1 + 0.25 * 1
    REQUIRE(after(rmsprop, {2.0, -1.0}) == Approx(1.0 - first + second).epsilon(1e-14));
}

TEST_CASE("sgd follows the gradient with momentum", "[training]") {
    const optimizer::Options sgd{Rule::sgd, 0.5, 0.75, 0.0};
    REQUIRE(after(sgd, {2.0}) == Approx(0.8).epsilon(1e-14));
    REQUIRE(after(sgd, {2.0, -1.0}) == Approx(0.8).epsilon(1e-14));       // m = 1 - 1
    REQUIRE(after(sgd, {2.0, -1.0, 3.0}) == Approx(0.5).epsilon(1e-14));  // m = 3
}

TEST_CASE("a beta that rounds to 1 in float32 takes the first step of double", "[training]") {
    for (const Rule rule : {Rule::adam, Rule::rmsprop}) {
        optimizer::Options slow{rule, 0.9, 1.0 - 1e-8, 0.0};  // in float32 1 - beta2 is 0
        Matrix<float> parameter(1, 1, arma::fill::ones);
        Matrix<float> gradient(1, 1, arma::fill::ones);
        optimizer::State<float> state;
        optimizer::update<float>(slow, 1e-5, {&parameter}, {&gradient}, state);
        // adam: a step of the rate; rmsprop: of rate / sqrt(1e-8). Single rounding of 1 - beta2 and its root: 1e-7
        const double step = rule == Rule::adam ? 1e-5 : 1e-5 / (1e-4 + 1e-8);
        REQUIRE(1.0 - static_cast<double>(parameter(0, 0)) == Approx(step).margin(1e-6));
    }
}

TEST_CASE("weight decay shrinks parameters apart from the gradient", "[training]") {
    for (const Rule rule : {Rule::adam, Rule::rmsprop, Rule::sgd}) {
        optimizer::Options options{rule, 0.9, 0.999, 0.0};
        const double without = after(options, {3.0});
        options.weight_decay = 0.25;
        REQUIRE(after(options, {3.0}) == Approx(without - 0.1 * 0.25).epsilon(1e-14));
    }
}

TEST_CASE("optimisers refuse what cannot be", "[training]") {
    REQUIRE_THROWS_AS(optimizer::validate({Rule::adam, 1.0, 0.9, 0.0}), std::invalid_argument);
    REQUIRE_THROWS_AS(optimizer::validate({Rule::adam, 0.9, -0.1, 0.0}), std::invalid_argument);
    REQUIRE_THROWS_AS(optimizer::validate({Rule::adam, 0.9, 0.9, -1.0}), std::invalid_argument);
    Matrix<double> two(2, 1, arma::fill::zeros);
    Matrix<double> three(3, 1, arma::fill::zeros);
    optimizer::State<double> state;
    REQUIRE_THROWS_AS(optimizer::update<double>({}, 0.1, {&two}, {&three}, state), std::invalid_argument);
}

TEST_CASE("clipping bounds every entry, the norm covers all of them", "[training]") {
    Matrix<double> a = {{0.5, -2.0}};
    Matrix<double> b(1, 1);
    b(0, 0) = 3.0;
    REQUIRE(optimizer::norm<double>({&a, &b}) == Approx(std::sqrt(0.25 + 4.0 + 9.0)));
    optimizer::clip<double>({&a, &b}, 1.0);
    REQUIRE(a(0, 0) == 0.5);
    REQUIRE(a(0, 1) == -1.0);
    REQUIRE(b(0, 0) == 1.0);
}

TEST_CASE("schedules start at full size and fall as they say", "[training]") {
    using schedule::rate_factor;
    using schedule::Shape;
    REQUIRE(rate_factor(Shape::constant, 99, 100, 0) == 1.0);
    REQUIRE(rate_factor(Shape::linear, 0, 100, 0) == 1.0);
    REQUIRE(rate_factor(Shape::linear, 75, 100, 0) == Approx(0.25));
    REQUIRE(rate_factor(Shape::cosine, 0, 100, 0) == 1.0);
    REQUIRE(rate_factor(Shape::cosine, 50, 100, 0) == Approx(0.5));
    REQUIRE(rate_factor(Shape::cosine, 25, 100, 0) == Approx(0.5 + std::sqrt(0.125)));
    REQUIRE(rate_factor(Shape::cosine, 99, 100, 0) < 1e-3);
    // warm-up: 1/4, 2/4, 3/4, 1, then the shape over what is left
    REQUIRE(rate_factor(Shape::linear, 0, 104, 4) == 0.25);
    REQUIRE(rate_factor(Shape::linear, 3, 104, 4) == 1.0);
    REQUIRE(rate_factor(Shape::linear, 4, 104, 4) == 1.0);
    REQUIRE(rate_factor(Shape::linear, 54, 104, 4) == Approx(0.5));
}

TEST_CASE("annealing falls geometrically and ends at 70 percent", "[training]") {
    REQUIRE(schedule::annealed(16.0, 0, 100) == 16.0);
    REQUIRE(schedule::annealed(16.0, 35, 100) == Approx(4.0));
    REQUIRE(schedule::annealed(16.0, 70, 100) == Approx(1.0));
    REQUIRE(schedule::annealed(16.0, 99, 100) == 1.0);
    REQUIRE(schedule::annealed(1.0, 10, 100) == 1.0);
}
