// The tests behind a comparison, against values worked out by hand or by enumeration.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "experiments/compare/statistics.hpp"

using namespace bcbench;

TEST_CASE("mean of paired differences: Student's t interval", "[statistics]") {
    // mean 3, standard error sqrt(2.5 / 5); 97.5 % quantile of t with 4 degrees of freedom 2.7764451
    const Estimate estimate = mean_difference({1, 2, 3, 4, 5}, 0.95);
    CHECK(estimate.value == Approx(3.0));
    CHECK(estimate.low == Approx(3.0 - 1.9632431615).epsilon(1e-9));
    CHECK(estimate.high == Approx(3.0 + 1.9632431615).epsilon(1e-9));
    CHECK(estimate.p == Approx(0.0132355996).epsilon(1e-8));

    const Estimate equal = mean_difference({-0.5, -0.5, -0.5}, 0.95);
    CHECK(equal.value == -0.5);
    CHECK(equal.low == -0.5);
    CHECK(equal.high == -0.5);
    CHECK(equal.p == 0.0);
    CHECK(mean_difference({0, 0}, 0.95).p == 1.0);
    CHECK_THROWS_AS(mean_difference({1}, 0.95), std::invalid_argument);

    // squares that underflow leave an error of 0
    const Estimate tiny = mean_difference({1e-200, -1e-200, 0}, 0.95);
    CHECK(tiny.value == 0.0);
    CHECK(tiny.p == 1.0);
    CHECK(mean_difference({1e-200, 3e-200, 2e-200}, 0.95).p == 0.0);
}

TEST_CASE("the t interval covers the truth as often as it says", "[statistics]") {
    std::mt19937_64 engine(1);
    std::normal_distribution<double> normal(0.3, 2.0);
    int covered = 0;
    const int trials = 4000;
    for (int trial = 0; trial < trials; ++trial) {
        std::vector<double> differences;
        for (int i = 0; i < 4; ++i) differences.push_back(normal(engine));
        const Estimate estimate = mean_difference(differences, 0.95);
        if (estimate.low <= 0.3 && 0.3 <= estimate.high) ++covered;
    }
    CHECK(covered / static_cast<double>(trials) == Approx(0.95).margin(0.015));  // 4 standard errors
}

TEST_CASE("Holm's correction", "[statistics]") {
    const std::vector<double> corrected = holm({0.01, 0.04, 0.03, 0.005});
    CHECK(corrected[0] == Approx(0.03));
    CHECK(corrected[1] == Approx(0.06));
    CHECK(corrected[2] == Approx(0.06));
    CHECK(corrected[3] == Approx(0.02));
    CHECK(holm({0.7, 0.8}) == std::vector<double>{1.0, 1.0});
    CHECK(holm({}).empty());
}

TEST_CASE("Mann-Whitney: exact for few values, with and without ties", "[statistics]") {
    CHECK(mann_whitney({1, 2, 3}, {4, 5, 6}) == Approx(2.0 / 20));
    CHECK(mann_whitney({4, 5, 6}, {1, 2, 3}) == Approx(2.0 / 20));
    CHECK(mann_whitney({1, 2, 3, 4}, {5, 6, 7, 8}) == Approx(2.0 / 70));
    CHECK(mann_whitney({19, 22, 16, 29, 24}, {20, 11, 17, 12}) == Approx(1.0 / 9));
    CHECK(mann_whitney({1, 2}, {2, 3}) == Approx(4.0 / 6));
    CHECK(mann_whitney({1.1, 1.2, 1.3, 1.4, 1.5, 1.05}, {1.35, 1.6, 1.7, 1.8, 1.9, 1.45}) == Approx(0.0151515151515));
    CHECK(mann_whitney({1}, {2}) == Approx(1.0));
    CHECK(mann_whitney({2, 2, 2}, {2, 2}) == Approx(1.0));
    CHECK_THROWS_AS(mann_whitney({}, {1}), std::invalid_argument);
    for (const std::size_t n : {2U, 3U, 5U, 9U}) {
        std::vector<double> low, high;
        for (std::size_t i = 0; i < n; ++i) {
            low.push_back(static_cast<double>(i));
            high.push_back(100.0 + static_cast<double>(i));
        }
        CHECK(mann_whitney(low, high) == Approx(smallest_mann_whitney(n, n)));
    }
}

TEST_CASE("Mann-Whitney: normal approximation for many values", "[statistics]") {
    std::vector<double> a, b, tied_a, tied_b;
    for (int i = 0; i < 30; ++i) {
        a.push_back(2.0 * i);
        b.push_back(2.0 * i + 11.0);
        tied_a.push_back(i / 3);
        tied_b.push_back(i / 3 + 2);
    }
    CHECK(mann_whitney(a, b) == Approx(0.02708631838829596));
    CHECK(mann_whitney(tied_a, tied_b) == Approx(0.016504477012993086));
    CHECK(mann_whitney(std::vector<double>(30, 1.0), std::vector<double>(30, 1.0)) == 1.0);
}

TEST_CASE("ratio of times with the interval of the Mann-Whitney test", "[statistics]") {
    // all 25 differences of logarithms; at 5 and 5 values the interval runs from the 3rd to the 23rd
    const std::vector<double> base = {1.0, 1.1, 1.3, 1.6, 2.0};
    std::vector<double> candidate, quotients;
    for (const double seconds : base) candidate.push_back(1.5 * seconds);
    for (const double x : base) {
        for (const double y : candidate) quotients.push_back(y / x);
    }
    std::sort(quotients.begin(), quotients.end());
    const Estimate estimate = ratio(base, candidate, 0.95);
    CHECK(estimate.value == Approx(1.5));
    CHECK(estimate.low == Approx(quotients[2]));
    CHECK(estimate.high == Approx(quotients[22]));
    CHECK(estimate.p == Approx(mann_whitney(base, candidate)));

    const Estimate three = ratio({1, 2, 3}, {2, 4, 6}, 0.95);  // no interval of 95 % exists
    CHECK(three.low == 0.0);
    CHECK(std::isinf(three.high));
    CHECK_THROWS_AS(ratio({0.0}, {1.0}, 0.95), std::invalid_argument);
}

TEST_CASE("the interval of a ratio covers the truth at least as often as it says", "[statistics]") {
    std::mt19937_64 engine(2);
    std::lognormal_distribution<double> times(0.0, 0.4);
    for (const int n : {5, 25}) {
        int covered = 0;
        const int trials = 1500;
        for (int trial = 0; trial < trials; ++trial) {
            std::vector<double> a, b;
            for (int i = 0; i < n; ++i) a.push_back(times(engine));
            for (int i = 0; i < n; ++i) b.push_back(1.2 * times(engine));
            const Estimate estimate = ratio(a, b, 0.95);
            if (estimate.low <= 1.2 && 1.2 <= estimate.high) ++covered;
        }
        const double share = covered / static_cast<double>(trials);
        CHECK(share > 0.93);
        CHECK(share < 0.99);
    }
}
