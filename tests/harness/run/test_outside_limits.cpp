// Limits that hold from outside a point: of the address space, of time where no checkpoint is reached, of a file's
// size.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/system/clock.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

const std::string documented = std::string(BCBENCH_SOURCE_DIR) + "/configs/documented.json";

[[maybe_unused]] std::string under_limit(unsigned kibibytes) {
    return "ulimit -v " + std::to_string(kibibytes) + "; exec timeout --kill-after=1 60";
}

}  // namespace

// Sanitizers map terabytes of their own.
#if !defined(BCBENCH_SANITIZED)
TEST_CASE("under a limit of the address space a run ends with results or says how much is missing", "[run][limits]") {
    const Scratch run;
    const Output small = run("run " + documented + " --threads 2 --out " + run / "small", under_limit(200000));
    CHECK(small.code == 2);
    CHECK(contains(small.err, "the address space that this program may use (ulimit -v) is too small for 2 threads"));
    CHECK(contains(small.err, " are missing. "));
    CHECK_FALSE(fs::exists(run / "small"));

    const Output fewer = run("run " + documented + " --threads 1 --jobs 8 --out " + run / "fewer", under_limit(700000));
    CHECK(fewer.code == 2);
    CHECK(contains(fewer.err, "too small for 8 threads"));
    CHECK(contains(fewer.err, "There is room for --jobs 1 --threads "));

    const Output enough = run("run " + documented + " --threads 1 --out " + run / "enough", under_limit(400000));
    CHECK(enough.code == 0);
    CHECK(manifest_of(run / "enough")["status"] == "complete");
}
#endif

TEST_CASE("a point that reaches no checkpoint is given up after its time, and the run ends", "[run][limits]") {
    const Scratch run;
    json source = sweep_config(1);
    source["limits"] = {{"max_seconds", 0.1}};
    const std::string config = run.directory.write("config.json", source.dump());
    const double start = seconds_now();
    const Output output = run("run " + config + " --out " + run / "out", "BCBENCH_TEST_PAUSE=fit");
    CHECK(seconds_now() - start < 9.0);  // it is held for 10 seconds
    CHECK(output.code == 3);
    const json manifest = manifest_of(run / "out");
    REQUIRE(manifest["problems"].size() == 1);
    CHECK(manifest["problems"][0]["reason"] == "takes longer than limits.max_seconds = 0.1");
}

TEST_CASE("the first SIGTERM ends a run whose point reaches no checkpoint, and keeps what is finished",
          "[run][signals][limits]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(2).dump());
    REQUIRE(run("run " + config + " --only '*0.01' --out " + run / "out").code == 0);
    setenv("BCBENCH_TEST_PAUSE", "fit", 1);
    const double start = seconds_now();
    Running again({"run", config, "--out", run / "out"}, run / "run.err");
    unsetenv("BCBENCH_TEST_PAUSE");
    REQUIRE(wait_until([&] { return contains(contents(run / "run.err"), "[1/2]"); }));
    again.send(SIGTERM);
    CHECK(again.wait() == 3);
    CHECK(seconds_now() - start < 9.0);
    CHECK(contains(contents(run / "run.err"), "goes on where it stopped"));
    CHECK(manifest_of(run / "out")["counts"]["ok"] == 1);
    CHECK_FALSE(contents(run / "out/metrics.csv").empty());
}

TEST_CASE("a file at its limit of size is an error like a full disk", "[run][limits]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(30, 200).dump());
    const Output output = run("run " + config + " --quiet --out " + run / "out", "ulimit -f 8; exec");
    CHECK(output.code == 2);
    CHECK(contains(output.err, "File too large"));
}
