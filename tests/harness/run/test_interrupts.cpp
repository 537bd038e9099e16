// Signals: a run that is told to stop keeps what is done, whatever it is doing, and says so.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

// A variable of the environment as long as it lives.
struct Variable {
    Variable(std::string name, const char* value) : name_(std::move(name)) { setenv(name_.c_str(), value, 1); }
    ~Variable() { unsetenv(name_.c_str()); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    std::string name_;
};

// A directory with three finished points; the program is held while it writes their tables.
struct LongTables {
    explicit LongTables(const char* how_long) : pause("BCBENCH_TEST_PAUSE", how_long) {
        REQUIRE(run("run " + config + " --quiet --out " + out, "BCBENCH_TEST_PAUSE=").code == 0);
    }

    Scratch run;
    std::string config = run.directory.write("config.json", [] {
        json source = sweep_config(3, 60, 1);
        source["metrics"] = {"mean_shift"};
        source["outputs"] = json::object();
        return source.dump();
    }());
    std::string out = run / "out";
    Variable pause;

    // Starts the run again, which finds every point done, and waits until it has counted them.
    bool reach_tables() const {
        return wait_until([&] { return contains(contents(run / "run.err"), "[3/3]"); });
    }
};

bool has_temporaries(const std::string& directory) {
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.path().filename().string().rfind(".writing-", 0) == 0) return true;
    return false;
}

}  // namespace

TEST_CASE("a signal while the tables are written does not leave them half-done", "[run][signals]") {
    const LongTables tables("tables-until-signal");
    const auto before = result_bytes(tables.out);
    Running again({"run", tables.config, "--out", tables.out}, tables.run / "run.err");
    REQUIRE(tables.reach_tables());
    again.send(GENERATE(SIGINT, SIGTERM, SIGHUP));
    CHECK(again.wait() == 0);
    CHECK(contains(contents(tables.run / "run.err"), "stopping; what is finished is kept"));
    CHECK(manifest_of(tables.out)["status"] == "complete");
    CHECK(result_bytes(tables.out) == before);
    CHECK_FALSE(has_temporaries(tables.out));
}

TEST_CASE("a second Ctrl-C ends the program at once, and the next run mends what it left", "[run][signals]") {
    const LongTables tables("tables");
    const auto before = result_bytes(tables.out);
    Running again({"run", tables.config, "--out", tables.out}, tables.run / "run.err");
    REQUIRE(tables.reach_tables());
    again.send(SIGINT);
    REQUIRE(wait_until([&] { return contains(contents(tables.run / "run.err"), "again to end at once"); }));
    again.send(SIGINT);
    CHECK(again.wait() == 128 + SIGINT);
    CHECK(manifest_of(tables.out)["finished"].is_null());
    REQUIRE(tables.run("run " + tables.config + " --quiet --out " + tables.out, "BCBENCH_TEST_PAUSE=").code == 0);
    CHECK(result_bytes(tables.out) == before);
    CHECK_FALSE(has_temporaries(tables.out));
}

TEST_CASE("a hang-up ends a run as cleanly as Ctrl-C, and again does no more", "[run][signals]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(60, 1500, 40).dump());
    const std::string out = run / "out";
    Running hung_up({"run", config, "--out", out, "--fresh", "--threads", "1"}, run / "run.err");
    REQUIRE(wait_until([&] { return files_in(out + "/points", ".json") >= 2; }));
    hung_up.send(SIGHUP);
    hung_up.send(SIGHUP);
    CHECK(hung_up.wait() == 3);
    // not with --fresh, which would throw away what is kept
    CHECK(
        contains(contents(run / "run.err"), "interrupted; the same command without --fresh goes on where it stopped"));
    const json counts = manifest_of(out)["counts"];
    CHECK(counts["ok"] >= 2);
    CHECK(counts["missing"] > 0);
    CHECK(files_in(out + "/points", ".json") == counts["ok"]);
    CHECK_FALSE(has_temporaries(out));
}
