// bcbench compare: several seeds together, and times.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/compare/compare.hpp"
#include "tests/support/stored_results.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

std::string seeds(const std::vector<double>& values, const std::string& direction = "higher") {
    std::string rows;
    for (std::size_t s = 0; s < values.size(); ++s) {
        rows += row("d.M.seed=" + std::to_string(s), "x", std::to_string(values[s]), direction);
    }
    return rows;
}

SeedsChange over_seeds(const std::vector<double>& base, const std::vector<double>& candidate, int exit_code,
                       const std::string& direction = "higher") {
    const CompareReport report = compared(seeds(base, direction), seeds(candidate, direction));
    CHECK(report.exit_code() == exit_code);
    REQUIRE(report.seeds.size() == 1);
    CHECK(report.seeds[0].group == "d.M");
    return report.seeds[0];
}

}  // namespace

TEST_CASE("three or more seeds decide together", "[compare]") {
    const std::vector<double> base = {0.50, 0.52, 0.48, 0.51, 0.49};
    CHECK(over_seeds(base, base, 0).change == Change::same);

    const SeedsChange down = over_seeds(base, {0.44, 0.47, 0.41, 0.46, 0.43}, 1);
    CHECK(down.change == Change::worse);
    CHECK(down.n == 5);
    CHECK(down.difference == Approx(-0.058));
    CHECK(down.high < 0.0);
    CHECK(down.p_holm < 0.05);
    CHECK(over_seeds(base, {0.44, 0.47, 0.41, 0.46, 0.43}, 0, "lower").change == Change::better);
    CHECK(over_seeds(base, {0.44, 0.47, 0.41, 0.46, 0.43}, 1, "info").change == Change::changed);

    // to both sides: no verdict, although single seeds are worse
    const SeedsChange noise = over_seeds(base, {0.52, 0.50, 0.50, 0.49, 0.51}, 0);
    CHECK(noise.change == Change::undecided);
    CHECK(noise.low < 0.0);
    CHECK(noise.high > 0.0);

    // three seeds, all worse, too scattered for the t test: still no accident
    const SeedsChange scattered = over_seeds({0.5, 0.5, 0.5}, {0.49, 0.2, 0.4}, 1);
    CHECK(scattered.p_holm > 0.05);
    CHECK(scattered.change == Change::worse);

    // one seed of five collapses: the mean may hide it, the verdict does not
    const SeedsChange collapse = over_seeds(base, {0.51, 0.53, 0.49, 0.0, 0.50}, 1);
    CHECK(collapse.p_holm > 0.05);
    CHECK(collapse.change == Change::worse);
    CHECK(collapse.reason.find("d.M.seed=3") != std::string::npos);

    // some seeds move to the bad side, the others not at all: the same seed is the same computation, so this is no
    // noise
    CHECK(over_seeds(base, {0.50, 0.52, 0.47, 0.51, 0.48}, 1).change == Change::worse);
    // what has no bad side: far out of the range of the base
    CHECK(over_seeds(base, {0.51, 0.53, 1e6, 0.50, 0.48}, 1, "info").change == Change::changed);
    // the rise of nine does not excuse the fall of the tenth out of their range
    const std::vector<double> ten = {0.60, 0.605, 0.61, 0.615, 0.62, 0.625, 0.63, 0.635, 0.64, 0.65};
    std::vector<double> nine_rise;
    for (const double value : ten) nine_rise.push_back(value == 0.60 ? 0.50 : value + 0.1);
    const SeedsChange masked = over_seeds(ten, nine_rise, 1);
    CHECK(masked.p_holm < 0.05);
    CHECK(masked.difference > 0.0);
    CHECK(masked.change == Change::worse);
    CHECK(over_seeds(ten, {0.70, 0.705, 0.71, 0.715, 0.72, 0.725, 0.73, 0.735, 0.74, 0.64}, 0).change ==
          Change::better);
    // values beyond what can be squared
    CHECK(over_seeds(base, {1e308, -1e308, 1e308, -1e308, 0.49}, 1).change == Change::worse);

    // two seeds say nothing about their spread: each counts by itself
    CHECK(compared(seeds({0.5, 0.6}), seeds({0.4, 0.7})).exit_code() == 1);
    CHECK(compared(seeds({0.5, 0.6}), seeds({0.4, 0.7})).seeds.empty());
}

TEST_CASE("one seed that falls beyond its tolerance counts, though the mean stays within it", "[compare]") {
    const std::string loose = tolerances({{"x", {{"relative", 0.05}}}});
    const auto outcome = [&](const std::vector<double>& candidate, const std::string& direction = "higher") {
        const CompareReport report =
            compared(seeds({0.5, 0.5, 0.6, 0.4, 0.5}, direction), seeds(candidate, direction), loose);
        REQUIRE(report.seeds.size() == 1);
        return Outcome{name_of(report.seeds[0].change), report.exit_code()};
    };
    CHECK(outcome({0.41, 0.5, 0.6, 0.4, 0.5}) == Outcome{"worse", 1});
    CHECK(outcome({0.41, 0.5, 0.6, 0.41, 0.5}) == Outcome{"worse", 1});  // a rise within the tolerance is none
    CHECK(outcome({0.41, 0.5, 0.6, 0.4, 0.5}, "info") == Outcome{"changed", 1});
    CHECK(outcome({0.49, 0.5, 0.6, 0.4, 0.5}) == Outcome{"within tolerance", 0});
    CHECK(outcome({0.41, 0.5, 0.6, 0.5, 0.5}) == Outcome{"undecided", 0});
    CHECK(outcome({0.41, 0.5, 0.6, 0.5, 0.5}, "info") == Outcome{"undecided", 0});
}

TEST_CASE("a check that does not hold is no matter of chance: its seeds decide one by one", "[compare]") {
    const auto checks = [](const std::string& metric, const std::vector<std::string>& values) {
        std::string rows;
        for (std::size_t s = 0; s < values.size(); ++s) rows += row("d.M.seed=" + std::to_string(s), metric, values[s]);
        return rows;
    };
    for (const char* metric : {"gradient", "gradient_nonzero", "gradient_finite", "optimized_matches_reference"}) {
        INFO(metric);
        const CompareReport report =
            compared(checks(metric, {"1", "1", "1", "1", "0"}), checks(metric, {"0", "1", "1", "1", "1"}));
        CHECK(report.exit_code() == 1);
        CHECK(report.seeds.empty());
        CHECK(report.values[0].change == Change::worse);
        CHECK(report.values[0].point == "d.M.seed=0");
        CHECK(report.values[1].change == Change::better);
    }
    CHECK(compared(checks("x", {"1", "1", "1", "1", "0"}), checks("x", {"0", "1", "1", "1", "1"})).seeds.size() == 1);
}

TEST_CASE("many groups of seeds: the correction keeps chance from looking like a finding", "[compare]") {
    // one group moves with p = 0.02, which is nothing among twenty that differ
    std::string base, candidate;
    for (int g = 0; g < 20; ++g) {
        const std::vector<double> shifts = g == 0 ? std::vector<double>{-0.01, -0.02, -0.03, 0.001, -0.02}
                                                  : std::vector<double>{0.01, -0.01, 0.02, -0.02, 0.003};
        for (std::size_t s = 0; s < shifts.size(); ++s) {
            const std::string id = "d.M" + std::to_string(g) + ".seed=" + std::to_string(s);
            base += row(id, "x", std::to_string(0.5 + 0.1 * static_cast<double>(s)));
            candidate += row(id, "x", std::to_string(0.5 + 0.1 * static_cast<double>(s) + shifts[s]));
        }
    }
    const CompareReport report = compared(base, candidate);
    REQUIRE(report.seeds.size() == 20);
    const auto first = std::find_if(report.seeds.begin(), report.seeds.end(),
                                    [](const SeedsChange& group) { return group.group == "d.M0"; });
    REQUIRE(first != report.seeds.end());
    CHECK(first->p < 0.05);
    CHECK(first->p_holm > 0.05);
    CHECK(report.exit_code() == 0);
}

namespace {

std::string times(const std::vector<double>& seconds, const std::string& stage = "fit") {
    std::string rows = "point,stage,repeat,seconds,peak_rss_bytes\n";
    for (std::size_t i = 0; i < seconds.size(); ++i) {
        rows += "p," + stage + "," + std::to_string(i) + "," + std::to_string(seconds[i]) + ",1000\n";
    }
    return rows;
}

CompareReport timed(const std::vector<double>& base, const std::vector<double>& candidate,
                    const CompareOptions& options) {
    const std::string values = row("p", "x", "1");
    return compare_results(results(values, times(base)), results(values, times(candidate)), options);
}

}  // namespace

TEST_CASE("times count only with --times, beyond the factor, and when significant", "[compare]") {
    const std::vector<double> base = {1.00, 1.01, 0.99, 1.02, 0.98, 1.03};
    const std::vector<double> slower = {1.50, 1.51, 1.49, 1.52, 1.48, 1.53};
    const std::vector<double> slightly = {1.05, 1.06, 1.04, 1.07, 1.041, 1.08};
    const CompareOptions gate{"", true, 1.1};
    const CompareReport report = timed(base, slower, gate);
    REQUIRE(report.times.size() == 1);
    CHECK(report.times[0].change == Change::worse);
    CHECK(report.times[0].ratio == Approx(1.5).epsilon(0.01));
    CHECK(report.times[0].low > 1.4);
    CHECK(report.times[0].p == Approx(2.0 / 924));
    CHECK(report.exit_code() == 1);
    CHECK(timed(base, slower, {"", false, 1.1}).exit_code() == 0);
    CHECK(timed(base, slower, {"", true, 2.0}).exit_code() == 0);
    CHECK(timed(slower, base, gate).times[0].change == Change::better);
    CHECK(timed(slower, base, gate).exit_code() == 0);
    CHECK(timed(base, slightly, gate).times[0].change == Change::same);
    CHECK(timed(base, {2.0, 0.5, 1.2, 0.8, 1.9, 0.6}, gate).times[0].change ==
          Change::same);  // slow on average, but noise

    const CompareReport few = timed({1.0, 1.01, 0.99}, {2.0, 2.01, 1.99}, gate);
    CHECK(few.times[0].change == Change::undecided);
    CHECK(few.times[0].reason == "too few repeats to say: 3 and 3, at least 4 of each are needed");
    CHECK(few.exit_code() == 4);  // a gate that was asked for and cannot tell
    CHECK(timed({1.0, 1.01, 0.99}, {2.0, 2.01, 1.99}, {"", false, 1.1}).exit_code() == 0);
}

TEST_CASE("times of other machines or threads do not compare", "[compare]") {
    const auto manifest = [](int threads) {
        return json{
            {"machine", {{"cpu", "c"}}}, {"threads", threads}, {"jobs", 1}, {"status", "complete"}, {"finished", "now"}}
            .dump();
    };
    const std::string values = row("p", "x", "1");
    const std::string five = times({1, 1.1, 1.2, 1.3, 1.4});
    const CompareReport report =
        compare_results(results(values, five, manifest(1)), results(values, five, manifest(2)), {"", true, 1.1});
    CHECK(report.times.empty());
    CHECK(report.exit_code() == 4);
    CHECK(compare_results(results(values, five, manifest(1)), results(values, five, manifest(2)), {}).exit_code() == 0);
}

TEST_CASE("many points do not blind the comparison of times: only what the method takes is tested", "[compare]") {
    std::string values, before = "point,stage,repeat,seconds,peak_rss_bytes\n", after = before;
    for (int p = 0; p < 25; ++p) {
        const std::string id = "p" + std::to_string(p);
        values += row(id, "x", "1");
        for (int repeat = 0; repeat < 7; ++repeat) {
            const std::string rest = "," + std::to_string(repeat) + ",";
            const std::string noise = "0" + std::to_string(repeat) + ",1\n";
            for (const char* stage : {"load", "metrics", "checks", "projection"}) {
                before += id + "," + stage + rest + "1." + noise;
                after += id + "," + stage + rest + "1." + noise;
            }
            before += id + ",fit" + rest + "1." + noise;
            after += id + ",fit" + rest + "3." + noise;
        }
    }
    const CompareReport report = compare_results(results(values, before), results(values, after), {"", true, 1.1});
    CHECK(report.times.size() == 25);
    for (const TimeChange& time : report.times) {
        CHECK(time.stage == "fit");
        CHECK(time.change == Change::worse);
    }
    CHECK(report.exit_code() == 1);
}

TEST_CASE("times of points that are not part of both, failed or do not compare are no times to compare", "[compare]") {
    const std::string four = times({1, 1.1, 1.2, 1.3}), slow = times({3, 3.1, 3.2, 3.3});
    const std::string p = row("p", "x", "1"), q = row("q", "x", "1"), failed = row("p", "x", "", "higher", "failed");
    std::string single = p;
    single.replace(single.find("float64"), 7, "float32");
    const auto n_times = [&](const std::string& base, const std::string& candidate) {
        return compare_results(results(base, four), results(candidate, slow), {"", true, 1.1}).times.size();
    };
    CHECK(n_times(p + q, p + q) == 1);
    CHECK(n_times(p + q, q) == 0);
    CHECK(n_times(q, p + q) == 0);
    CHECK(n_times(q, q) == 0);
    CHECK(n_times(p + q, failed + q) == 0);
    CHECK(n_times(failed + q, p + q) == 0);
    CHECK(n_times(p + q, single + q) == 0);
}
