// bcbench compare: every status once, on hand-made results, and the program on directories.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/compare/compare.hpp"
#include "experiments/system/files.hpp"
#include "tests/support/program.hpp"
#include "tests/support/stored_results.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

StoredPoint point(const std::string& id, double value, int version = 1) {
    StoredPoint made;
    made.id = id;
    made.precision = "float64";
    made.data_hash = "1";
    made.dataset = {{"label", "d"}, {"params", {{"noise_sd", 0.5}}}};
    made.method = {{"label", "m"}, {"type", "harmony"}, {"seed", 0}, {"params", {{"sigma", 0.1}}}, {"train", nullptr}};
    made.values = {{"mixing", "v", value, Direction::higher, "ok", "", version}};
    return made;
}

CompareReport compared(const StoredPoint& base, const StoredPoint& candidate) {
    StoredResults a, b;
    a.points = {base};
    b.points = {candidate};
    return compare_results(a, b, {});
}

}  // namespace

TEST_CASE("values are judged by their direction", "[compare]") {
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.5")) == Outcome{"same", 0});
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.4")) == Outcome{"worse", 1});
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.6")) == Outcome{"better", 0});
    CHECK(verdict(row("p", "x", "0.5", "lower"), row("p", "x", "0.6", "lower")) == Outcome{"worse", 1});
    CHECK(verdict(row("p", "x", "0.5", "lower"), row("p", "x", "0.4", "lower")) == Outcome{"better", 0});
    CHECK(verdict(row("p", "x", "0.5", "info"), row("p", "x", "0.6", "info")) == Outcome{"changed", 1});
    CHECK(verdict(row("p", "x", "0.5", "higher"), row("p", "x", "0.5", "lower")) == Outcome{"not comparable", 4});
}

TEST_CASE("tolerances: round-off by default, else as the candidate's config says", "[compare]") {
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.4999999999")) == Outcome{"within tolerance", 0});
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.499999")) == Outcome{"worse", 1});
    CHECK(verdict(row("p", "x", "0"), row("p", "x", "1e-13", "higher")) == Outcome{"within tolerance", 0});
    const std::string loose = tolerances({{"x", {{"absolute", 0.05}}}, {"y", {{"relative", 0.5}}}});
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.46"), loose) == Outcome{"within tolerance", 0});
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.44"), loose) == Outcome{"worse", 1});
    CHECK(verdict(row("p", "x(k=3)", "0.5"), row("p", "x(k=3)", "0.46"), loose) == Outcome{"within tolerance", 0});
    CHECK(verdict(row("p", "y", "10"), row("p", "y", "6"), loose) == Outcome{"within tolerance", 0});
    CHECK(verdict(row("p", "y", "10"), row("p", "y", "4"), loose) == Outcome{"worse", 1});
    for (const char* noise : {"gradient_max_relative_error", "gradient_decisive_error"}) {  // of a right gradient
        CHECK(verdict(row("p", noise, "1e-8", "info"), row("p", noise, "3e-8", "info")) ==
              Outcome{"within tolerance", 0});
        CHECK(verdict(row("p", noise, "1e-8", "info"), row("p", noise, "1e-5", "info")) == Outcome{"changed", 1});
    }
    // an exact tolerance is one too
    CHECK(verdict(row("p", "x", "0.5"), row("p", "x", "0.4999999999"), tolerances({{"x", {{"absolute", 0.0}}}})) ==
          Outcome{"worse", 1});
}

TEST_CASE("what is missing, failing or not finite is a regression", "[compare]") {
    const std::string good = row("p", "x", "0.5");
    CHECK(verdict(good, row("p", "x", "nan")) == Outcome{"newly failing", 1});
    CHECK(verdict(good, row("p", "x", "-inf")) == Outcome{"newly failing", 1});
    CHECK(verdict(good, row("p", "x", "1e999")) == Outcome{"newly failing", 1});
    CHECK(verdict(row("p", "x", "nan"), row("p", "x", "nan")) == Outcome{"newly failing", 1});
    CHECK(verdict(good, row("p", "x", "", "higher", "not_applicable")) == Outcome{"newly failing", 1});
    CHECK(verdict(good, row("p", "x", "", "higher", "failed")) == Outcome{"newly failing", 3});
    CHECK(verdict(good, row("p", "x", "", "higher", "skipped")) == Outcome{"missing", 3});
    CHECK(verdict(row("p", "x", "", "higher", "failed"), good) == Outcome{"fixed", 0});
    CHECK(verdict(row("p", "x", "", "higher", "not_applicable"), good) == Outcome{"fixed", 0});
    CHECK(verdict(row("p", "x", "nan"), good) == Outcome{"fixed", 0});
    CHECK(verdict(row("p", "x", "", "higher", "failed"), row("p", "x", "", "higher", "failed")) ==
          Outcome{"still failing", 0});
    const std::string none = row("p", "x", "", "higher", "not_applicable");
    CHECK(verdict(none, none) == Outcome{"same", 0});

    const CompareReport lost_row = compared(good + row("p", "y", "1"), good);
    CHECK(lost_row.exit_code() == 1);
    CHECK(lost_row.values.front().change == Change::missing);
    CHECK(lost_row.values.front().metric == "y");
    const CompareReport lost_point = compared(good + row("q", "x", "1"), good);
    CHECK(lost_point.exit_code() == 3);
    CHECK(lost_point.values.front().change == Change::missing);
    CHECK(lost_point.values.front().point == "q");
    const CompareReport new_things = compared(good, good + row("p", "y", "1") + row("q", "x", "1"));
    CHECK(new_things.exit_code() == 0);
    CHECK(new_things.values[0].change == Change::added);
    CHECK(new_things.values[1].change == Change::added);
    CHECK(compared(good, good + row("q", "x", "", "higher", "failed")).exit_code() == 3);
    CHECK(compared(good, good + row("q", "x", "nan")).exit_code() == 1);
    CHECK(compared(good, row("q", "x", "0.5")).exit_code() == 4);  // nothing in common
}

TEST_CASE("what comes anew or comes back must be good", "[compare]") {
    const std::string good = row("p", "x", "0.5");
    const std::string failed = row("q", "x", "", "higher", "failed") + row("q", "gradient", "", "higher", "failed");
    for (const std::string& before : {std::string(), failed}) {
        INFO(before);
        const auto arrives = [&](const std::string& rows) { return compared(good + before, good + rows); };
        const CompareReport fine = arrives(row("q", "x", "0") + row("q", "gradient", "1"));
        CHECK(fine.exit_code() == 0);
        CHECK(fine.values.front().change == (before.empty() ? Change::added : Change::fixed));
        for (const char* check : {"gradient", "gradient_finite", "optimized_matches_reference"}) {
            const CompareReport broken = arrives(row("q", "x", "1") + row("q", check, "0"));
            CHECK(broken.exit_code() == 1);
            CHECK(broken.values.front().change == Change::newly_failing);
            CHECK(broken.values.front().metric == check);
            CHECK(broken.values.front().reason == "the check does not hold");
        }
        const CompareReport infinite = arrives(row("q", "x", "inf"));
        CHECK(infinite.exit_code() == 1);
        CHECK(infinite.values.front().reason == "inf, which is not finite");
    }
    // likewise a row that a point did not have, or had without a value
    CHECK(compared(good, good + row("p", "gradient", "0")).exit_code() == 1);
    CHECK(compared(good, good + row("p", "gradient", "1")).exit_code() == 0);
    CHECK(verdict(row("p", "gradient", "", "higher", "not_applicable"), row("p", "gradient", "0")) ==
          Outcome{"newly failing", 1});
    CHECK(compared(row("p", "x", "nan"), good).values.front().reason == "was nan, which is not finite");
}

TEST_CASE("a value that is gone is a regression, whatever else changed in its definition", "[compare]") {
    CHECK(verdict(row("p", "gradient", "1"), row("p", "gradient", "", "info", "not_applicable")) ==
          Outcome{"newly failing", 1});
    StoredPoint without = point("p", 1, 2);
    without.values[0].value.reset();
    without.values[0].status = "not_applicable";
    const CompareReport report = compared(point("p", 1, 1), without);
    CHECK(report.values.front().change == Change::newly_failing);
    CHECK(report.exit_code() == 1);
}

TEST_CASE("a tolerance that was loosened does not excuse itself in silence", "[compare]") {
    const auto notes = [](const json& before, const json& after) {
        return compare_results(results(row("p", "x", "1"), "", tolerances(before)),
                               results(row("p", "x", "0.9"), "", tolerances(after)), {})
            .notes;
    };
    const json strict = {{"x", {{"absolute", 0.01}}}}, loose = {{"x", {{"absolute", 0.5}}}};
    CHECK(notes(strict, strict).empty());
    REQUIRE(notes(strict, loose).size() == 1);
    CHECK(notes(strict, loose).front() == "the candidate's config has other tolerances than the base's, and counts: x");
    CHECK(notes(json::object(), loose).size() == 1);
    CHECK(notes(strict, json::object()).size() == 1);
}

TEST_CASE("a failed point without rows is known from the manifest", "[compare]") {
    const std::string manifest =
        json{{"problems", {{{"point", "q"}, {"status", "failed"}, {"reason", "out of memory"}}}}}.dump();
    const CompareReport report = compared(row("p", "x", "1") + row("q", "x", "1"), row("p", "x", "1"), manifest);
    CHECK(report.exit_code() == 3);
    CHECK(report.values.front().change == Change::newly_failing);
    CHECK(report.values.front().reason == "out of memory");
}

TEST_CASE("other data, parameters or definitions do not compare", "[compare]") {
    CHECK(compared(point("p", 1), point("p", 1)).exit_code() == 0);
    const auto reason = [](const StoredPoint& candidate) {
        const CompareReport report = compared(point("p", 1), candidate);
        CHECK(report.exit_code() == 4);
        REQUIRE(report.values.size() == 1);
        CHECK(report.values[0].change == Change::not_comparable);
        return report.values[0].reason;
    };
    StoredPoint changed = point("p", 1);
    changed.data_hash = "2";
    changed.dataset["params"]["noise_sd"] = 1.0;
    CHECK(reason(changed) == "other data: noise_sd was 0.5, is 1");
    changed = point("p", 1);
    changed.method["params"]["sigma"] = 0.2;
    CHECK(reason(changed) == "other method params: sigma was 0.1, is 0.2");
    changed = point("p", 1);
    changed.method["seed"] = 5;
    CHECK(reason(changed) == "method seed was 0, is 5");
    changed = point("p", 1);
    changed.precision = "float32";
    CHECK(reason(changed) == "precision was float64, is float32");
    CHECK(reason(point("p", 1, 2)) == "other definition of the metric: version was 1, is 2");
    // trained or not are two methods, to either side
    changed = point("p", 1);
    changed.method["train"] = {{"steps", 100}};
    CHECK(reason(changed) == "other method train: there was none");
    CHECK(compared(changed, point("p", 1)).values[0].reason == "other method train: there is none now");
    CHECK(compared(changed, changed).exit_code() == 0);
    // a parameter that a newer program added leaves the old computation as it was
    changed = point("p", 1);
    changed.method["params"]["recompute"] = false;
    CHECK(compared(point("p", 1), changed).exit_code() == 0);
    // a regression elsewhere is not excused
    StoredResults a, b;
    a.points = {point("p", 1), point("q", 1)};
    b.points = {point("p", 1, 2), point("q", 0.5)};
    CHECK(compare_results(a, b, {}).exit_code() == 1);
}

TEST_CASE("damaged tables are refused with their place", "[compare]") {
    const auto fault = [](const std::string& metrics, const std::string& manifest = "") -> std::string {
        try {
            results_from_texts(metrics, "", manifest);
        } catch (const std::exception& error) {
            return error.what();
        }
        return "";
    };
    CHECK_THAT(fault(header + "p,d,m,{},0,float64,x,zero,higher,ok\n"),
               Catch::Contains("metrics.csv:2") && Catch::Contains("is no number"));
    CHECK_THAT(fault(header + row("p", "x", "1", "up")), Catch::Contains("must be higher, lower or info"));
    CHECK_THAT(fault(header + row("p", "x", "1") + row("p", "x", "2")), Catch::Contains("stands twice"));
    CHECK_THAT(fault("point,metric\np,x\n"), Catch::Contains("has no column 'precision'"));
    CHECK_THAT(fault(header + "p,d\n"), Catch::Contains("metrics.csv:2"));
    CHECK_THAT(fault(header, "{\"config\": {\"tolerances\": {\"x\": {\"absolute\": -1}}}}"),
               Catch::Contains("tolerance"));
    CHECK_THAT(fault(header, "[1]"), Catch::Contains("manifest.json"));
    CHECK_THAT(fault(header, R"({"problems": [{"point": "p", "status": "falied", "reason": ""}]})"),
               Catch::Contains("manifest.json") && Catch::Contains("neither failed nor skipped"));
    CHECK_THAT(fault(header, "{"), Catch::Contains("manifest.json"));
}

TEST_CASE("the program compares directories and returns what it found", "[compare]") {
    const TemporaryDirectory scratch;
    const auto run = [&](const std::string& arguments, const std::string& prefix = "") {
        return bcbench_program(arguments, scratch.file(""), prefix);
    };
    const std::string config = scratch.write(
        "config.json",
        json{{"schema_version", 1},
             {"name", "c"},
             {"datasets", {{{"label", "d"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 20}}}}}},
             {"methods",
              {{{"label", "U"}, {"type", "uncorrected"}}, {{"label", "H"}, {"type", "differentiable_harmony"}}}},
             {"metrics", {"mean_shift", "batch_mixing_entropy"}}}
            .dump());
    const std::string base = scratch.file("base"), same = scratch.file("same"), bad = scratch.file("bad");
    REQUIRE(run("run " + config + " --quiet --out " + base).code == 0);
    REQUIRE(run("run " + config + " --quiet --out " + same).code == 0);
    fs::copy(same, bad, fs::copy_options::recursive);

    const Output good = run("compare " + base + " " + same);
    CHECK(good.code == 0);
    CHECK_THAT(good.out, Catch::Contains("metrics.csv is the same byte for byte") && Catch::Contains("good"));

    std::string metrics = bcbench::testing::contents(bad + "/metrics.csv");
    const std::size_t place =
        metrics.find("d.U,d,U,{},0,float64,mean_shift,") + std::string("d.U,d,U,{},0,float64,mean_shift,").size();
    metrics.replace(place, metrics.find(',', place) - place, "99");
    write_atomically(bad + "/metrics.csv", metrics);
    const Output regression = run("compare " + base + " " + bad);
    CHECK(regression.code == 1);
    CHECK_THAT(regression.out, Catch::Contains("worse") && Catch::Contains("d.U") && Catch::Contains("99"));
    CHECK_THAT(regression.out, Catch::Contains("in its point file; metrics.csv counts"));

    // a run that was killed before it wrote its tables: its finished points are compared, the others are
    // missing
    json manifest = json::parse(bcbench::testing::contents(same + "/manifest.json"));
    manifest["finished"] = nullptr;
    manifest["status"] = "incomplete";
    write_atomically(same + "/manifest.json", manifest.dump());
    fs::remove(same + "/points/d.H.json");
    append(same + "/timings.csv", "d.H,fit,0,0.0");
    const Output killed = run("compare " + base + " " + same);
    CHECK(killed.code == 3);
    CHECK_THAT(killed.out, Catch::Contains("times are not compared"));
    CHECK_THAT(killed.out, Catch::Contains("missing") && Catch::Contains("did not come to its end"));

    CHECK(run("compare " + base).code == 2);
    CHECK(run("compare " + base + " " + scratch.file("nowhere")).code == 2);
    CHECK_THAT(run("compare " + base + " " + scratch.file("")).err, Catch::Contains("is no results directory"));
    CHECK(run("compare " + base + " " + bad + " --format xml").code == 2);
    // among what a shell's results/* matches, those that are results
    fs::create_directory(scratch.file("empty"));
    const Output history = run("compare --history " + base + " " + bad + " " + config + " " + scratch.file("empty"));
    CHECK(history.code == 0);
    CHECK_THAT(history.out, Catch::Contains("2 runs"));
    CHECK_THAT(history.err, Catch::Contains("config.json is no results directory") &&
                                Catch::Contains("empty is no results directory"));
    CHECK(run("compare --history " + config + " " + scratch.file("empty")).code == 2);
    CHECK(run("compare --history " + base + " " + scratch.file("nowhere")).code == 2);
    CHECK(run("compare --history " + base + " " + bad + " --only 'nothing*'").code == 4);
    CHECK(run("compare " + base + " " + bad + " --only 'd.H'").code == 0);
}
