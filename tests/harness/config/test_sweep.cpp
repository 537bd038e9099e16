#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "experiments/plan/plan.hpp"
#include "experiments/text/canonical.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

namespace {

Sweep sweep_of(const std::string& sweep) {
    OrderedJson json = changed("/methods/1/sweep", sweep);
    json["methods"][1].erase("params");
    return config_from(json).methods[1].sweep;
}

std::vector<nlohmann::json> values_of(const Sweep& sweep, const std::string& name) {
    std::vector<nlohmann::json> values;
    for (std::uint64_t i = 0; i < size_of(sweep); ++i)
        for (const Assignment& assignment : assignments_at(sweep, i))
            if (assignment.name == name) values.push_back(assignment.value);
    return values;
}

}  // namespace

TEST_CASE("sweep: random draws depend on seed, parameter and index alone", "[sweep]") {
    const auto alone =
        values_of(sweep_of(R"({"random": {"n": 20, "seed": 5, "params": {"sigma": {"uniform": [1, 2]}}}})"), "sigma");
    const auto beside = values_of(sweep_of(R"({"random": {"n": 30, "seed": 5, "params": {
        "n_clusters": {"integer": [1, 1000]}, "sigma": {"uniform": [1, 2]}, "masked": {"choice": [true, false]}}}})"),
                                  "sigma");
    REQUIRE(alone.size() == 20);
    REQUIRE(beside.size() == 30);
    CHECK(std::equal(alone.begin(), alone.end(), beside.begin()));
    const auto other =
        values_of(sweep_of(R"({"random": {"n": 20, "seed": 6, "params": {"sigma": {"uniform": [1, 2]}}}})"), "sigma");
    CHECK(alone != other);
    const auto name =
        values_of(sweep_of(R"({"random": {"n": 20, "seed": 5, "params": {"kernel_bandwidth": {"uniform": [1, 2]}}}})"),
                  "kernel_bandwidth");
    CHECK(alone != name);
}

TEST_CASE("sweep: draws never change", "[sweep]") {
    // Written down once: points drawn at random keep their ids from version to version.
    const auto uniform =
        values_of(sweep_of(R"({"random": {"n": 2, "params": {"sigma": {"uniform": [1, 2]}}}})"), "sigma");
    const auto logarithmic =
        values_of(sweep_of(R"({"random": {"n": 2, "params": {"sigma": {"log_uniform": [0.01, 100]}}}})"), "sigma");
    const auto integers =
        values_of(sweep_of(R"({"random": {"n": 4, "params": {"n_clusters": {"integer": [1, 1000]}}}})"), "n_clusters");
    CHECK(nlohmann::json(uniform).dump() == "[1.42473507438236,1.90381892456122]");
    CHECK(nlohmann::json(logarithmic).dump() == "[0.499965799944709,41.235920934997]");
    CHECK(nlohmann::json(integers).dump() == "[198,419,174,918]");
}

TEST_CASE("sweep: a draw is the first output of std::mt19937_64", "[sweep]") {
    // more of them than are made at once, from every place within such a group
    const auto drawn = values_of(
        sweep_of(
            R"({"random": {"n": 100, "seed": 9, "params": {"n_clusters": {"integer": [1, 1000000000]}, "sigma": {"uniform": [1, 2]}}}})"),
        "n_clusters");
    const auto distinct = values_of(
        sweep_of(R"({"random": {"n": 100, "seed": 9, "params": {"n_clusters": {"integer": [1, 1000000000]}}}})"),
        "n_clusters");
    REQUIRE(drawn.size() == 100);
    CHECK(distinct == drawn);
    for (std::uint64_t i = 0; i < drawn.size(); ++i) {
        std::mt19937_64 engine(fnv1a("9/n_clusters/" + std::to_string(i)));
        const double unit = static_cast<double>(engine() >> 11) * 0x1p-53;
        CHECK(drawn[i] == 1 + static_cast<std::int64_t>(unit * 1e9));
    }
}

TEST_CASE("sweep: draws that repeat an earlier one are those with equal values", "[sweep]") {
    const std::string draws =
        R"({"n": 300, "seed": 2, "params": {"n_clusters": {"integer": [1, 9]}, "max_steps": {"choice": [1, 2, 1, null, 2.0]}}})";
    const Sweep sweep = sweep_of(R"({"random": )" + draws + "}");
    std::set<std::pair<std::string, std::string>> seen;
    for (std::uint64_t i = 0; i < size_of(sweep); ++i) {
        const auto values = assignments_at(sweep, i);
        CHECK(seen.emplace(values.at(0).value.dump(), values.at(1).value.dump()).second);
    }
    CHECK(seen.size() == 9 * 3);
    // in the order in which they are first drawn
    const RandomDraws& random = std::get<RandomDraws>(sweep.terms.at(0).factors.at(0));
    CHECK(random.kept.front() == 0);
    CHECK(std::is_sorted(random.kept.begin(), random.kept.end()));
}

TEST_CASE("sweep: lists of sweeps follow each other, whatever their sizes", "[sweep]") {
    const Sweep sweep = sweep_of(R"([{"grid": {"sigma": [1, 2, 3]}}, {"grid": {"sigma": [4]}},
        {"zip": {"sigma": [5, 6], "n_clusters": [1, 2]}}, {"grid": {"sigma": [7], "n_clusters": [8, 9]}}])");
    CHECK(size_of(sweep) == 8);
    CHECK(nlohmann::json(values_of(sweep, "sigma")).dump() == "[1.0,2.0,3.0,4.0,5.0,6.0,7.0,7.0]");
    CHECK(nlohmann::json(values_of(sweep, "n_clusters")).dump() == "[1,2,8,9]");
}

TEST_CASE("sweep: draws follow their distribution", "[sweep]") {
    constexpr std::size_t n = 4000;
    const auto numbers = [](const std::string& law) {
        std::vector<double> values;
        for (const auto& value :
             values_of(sweep_of(R"({"random": {"n": )" + std::to_string(n) + R"(, "params": {"sigma": )" + law + "}}}"),
                       "sigma"))
            values.push_back(value.get<double>());
        std::sort(values.begin(), values.end());
        return values;
    };
    // Largest distance to the distribution function; 1.95 / sqrt(n) is exceeded once in a thousand seeds.
    const auto distance = [](const std::vector<double>& sorted, const std::function<double(double)>& cdf) {
        double largest = 0;
        for (std::size_t i = 0; i < sorted.size(); ++i)
            largest = std::max(largest, std::abs(cdf(sorted[i]) -
                                                 (static_cast<double>(i) + 0.5) / static_cast<double>(sorted.size())));
        return largest;
    };
    const double bound = 1.95 / std::sqrt(static_cast<double>(n));
    const auto uniform = numbers(R"({"uniform": [2, 5]})");
    CHECK(distance(uniform, [](double x) { return (x - 2) / 3; }) < bound);
    CHECK(distance(uniform, [](double x) { return (x - 2) / 3 * (x - 2) / 3; }) > bound);
    const auto logarithmic = numbers(R"({"log_uniform": [0.01, 100]})");
    CHECK(distance(logarithmic, [](double x) { return std::log(x / 0.01) / std::log(1e4); }) < bound);
    CHECK(logarithmic.front() >= 0.01);
    CHECK(logarithmic.back() <= 100);
}

TEST_CASE("sweep: integers and choices cover their range, repeated draws are left out", "[sweep]") {
    const auto integers =
        values_of(sweep_of(R"({"random": {"n": 200, "params": {"n_clusters": {"integer": [3, 7]}}}})"), "n_clusters");
    CHECK(std::set<nlohmann::json>(integers.begin(), integers.end()) == std::set<nlohmann::json>{3, 4, 5, 6, 7});
    CHECK(integers.size() == 5);
    CHECK(integers[0].is_number_integer());
    const Sweep both = sweep_of(
        R"({"random": {"n": 500, "params": {"n_clusters": {"integer": [1, 2]}, "masked": {"choice": [true, false]}}}})");
    CHECK(size_of(both) == 4);
    const Sweep single = sweep_of(R"({"random": {"n": 3, "params": {"n_clusters": {"integer": [9, 9]}}}})");
    CHECK(size_of(single) == 1);
    const Sweep continuous = sweep_of(
        R"({"random": {"n": 500, "params": {"n_clusters": {"integer": [1, 2]}, "sigma": {"uniform": [1, 2]}}}})");
    CHECK(size_of(continuous) == 500);
}

TEST_CASE("sweep: draws of a billion cost nothing until they are asked for", "[sweep]") {
    const Sweep sweep = sweep_of(R"({"random": {"n": 1000000000, "params": {"sigma": {"uniform": [1, 2]}}}})");
    CHECK(size_of(sweep) == 1'000'000'000);
    CHECK(assignments_at(sweep, 999'999'999).at(0).name == "sigma");
}

TEST_CASE("sweep: sizes multiply and add without overflow", "[sweep]") {
    CHECK(saturating_product(1'000'000, 1'000'000) == 1'000'000'000'000);
    CHECK(saturating_product(max_points, 2) == max_points + 1);
    CHECK(saturating_product(0, max_points) == 0);
    CHECK(size_of(Sweep{}) == 1);
    CHECK(assignments_at(Sweep{}, 0).empty());
}
