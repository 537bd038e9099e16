// Several processes in one results directory.
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/results/claims.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

void wait_ms(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace

TEST_CASE("a point has one claim, which its owner gives back", "[cluster]") {
    const Scratch run;
    Claims first(run.path(), 60.0);
    Claims second(run.path(), 60.0);
    CHECK(first.take("a.b"));
    CHECK_FALSE(second.take("a.b"));
    CHECK(second.take("a.c"));
    CHECK(claims_in(run.path()).points == std::set<std::string>{"a.b", "a.c"});
    CHECK(claims_in(run.path()).workers == 2);
    second.release("a.b");  // it is not its own
    CHECK_FALSE(second.take("a.b"));
    first.release("a.b");
    CHECK(second.take("a.b"));
}

TEST_CASE("a claim is stale when its owner is silent, whatever the clocks say", "[cluster]") {
    const Scratch run;
    fs::create_directory(run / ".claims");
    // what a machine left that died: a claim, its last count, another claim whose owner died before it wrote its name
    run.directory.write(".claims/dead.claim", "elsewhere-17-00");
    run.directory.write(".claims/elsewhere-17-00.alive", "00000000000000000007\n");
    run.directory.write(".claims/empty.claim", "");
    std::error_code error;
    for (const char* file : {"dead.claim", "elsewhere-17-00.alive"})
        fs::last_write_time(run / (".claims/" + std::string(file)),
                            fs::file_time_type::clock::now() + std::chrono::hours(1), error);
    Claims living(run.path(), 0.8);
    REQUIRE(living.take("living"));
    // and a clock an hour behind makes nobody look dead
    fs::last_write_time(run / ".claims/living.claim", fs::file_time_type::clock::now() - std::chrono::hours(1), error);
    Claims other(run.path(), 0.8);
    CHECK_FALSE(other.take("dead"));  // seen for the first time
    CHECK_FALSE(other.take("empty"));
    CHECK_FALSE(other.take("living"));
    wait_ms(400);
    run.directory.write(".claims/elsewhere-17-00.alive", "00000000000000000008\n");  // it counted on
    CHECK_FALSE(other.take("dead"));
    wait_ms(500);
    CHECK_FALSE(other.take("dead"));
    wait_ms(1000);
    CHECK(other.take("dead"));
    CHECK(other.take("empty"));
    CHECK_FALSE(other.take("living"));
    CHECK(contents(run / ".claims/dead.claim") != "elsewhere-17-00");
}

TEST_CASE("processes that cooperate, one of them killed, give the results of one", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", sweep_config(24, 600, 20).dump());
    REQUIRE(run("run " + file + " --quiet --out " + run / "whole").code == 0);
    std::vector<std::unique_ptr<Running>> workers;
    for (int i = 0; i < 4; ++i) {
        workers.push_back(
            std::make_unique<Running>(std::vector<std::string>{"run", file, "--quiet", "--cooperate", "--stale-after",
                                                               "1", "--threads", "1", "--out", run / "shared"},
                                      run / ("err" + std::to_string(i))));
    }
    REQUIRE(wait_until([&] { return files_in(run / "shared/points", ".json") > 0; }));
    workers[1]->send(SIGKILL);
    for (int i = 0; i < 4; ++i) {
        const int code = workers[static_cast<std::size_t>(i)]->wait();
        INFO(i << contents(run / ("err" + std::to_string(i))));
        CHECK((code == 0 || i == 1));
    }
    std::map<std::string, std::string> bytes = result_bytes(run / "shared");
    std::erase_if(bytes, [](const auto& each) { return contains(each.first, ".writing-"); });  // of the killed one
    CHECK(bytes == result_bytes(run / "whole"));
    CHECK(manifest_of(run / "shared")["status"] == "complete");
    CHECK(rows_of(run / "shared/timings.csv") == rows_of(run / "whole/timings.csv"));
    CHECK(contains(run("status " + run / "shared").out, "24 of 24 points done, 0 running"));
}

TEST_CASE("claims that a dead machine left, its clock an hour ahead, hold nobody up", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    REQUIRE(run("run " + file + " --quiet --out " + run / "whole").code == 0);
    fs::create_directories(run / "out/.claims");
    for (const char* left : {"data.Uncorrected.claim", "data.Harmony.n_iterations=1.claim", "elsewhere-17-00.alive"}) {
        const std::string name = ".claims/" + std::string(left);
        run.directory.write("out/" + name, contains(name, ".alive") ? "00000000000000000007\n" : "elsewhere-17-00");
        fs::last_write_time(run / ("out/" + name), fs::file_time_type::clock::now() + std::chrono::hours(1));
    }
    const Output output = run("run " + file + " --quiet --cooperate --stale-after 0.5 --out " + run / "out");
    INFO(output.err);
    CHECK(output.code == 0);
    CHECK(contains(output.err, "taking over data.Uncorrected of elsewhere-17-00, which gave no sign for 0.5 s"));
    CHECK(contains(output.err, "taking over data.Harmony.n_iterations=1 of elsewhere-17-00"));
    CHECK(result_bytes(run / "out") == result_bytes(run / "whole"));
}

TEST_CASE("a point that fails is tried once by processes that cooperate, and again by the next ones", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config({{"limits", {{"max_seconds", 1e-9}}}}).dump());
    const std::string command = "run " + file + " --cooperate --out " + run / "out";
    const Output first = run(command);
    CHECK(first.code == 3);
    CHECK(contains(first.err, "3 failed"));
    CHECK(contains(run("status " + run / "out").err, "failed: data.Uncorrected"));
    CHECK(contains(run(command).err, "failed data.Uncorrected"));  // tried, not resumed
}

TEST_CASE("processes with another config or a directory of their own stay out", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    REQUIRE(run("run " + file + " --quiet --cooperate --out " + run / "out").code == 0);
    const Claims somebody(run / "out", 60.0);
    const Output other =
        run("run " + file + " --quiet --cooperate --set methods.Harmony.params.sigma=0.2 --out " + run / "out");
    CHECK(other.code == 2);
    CHECK(contains(other.err, "is being worked on with another config"));
    CHECK(run("run " + file + " --quiet --cooperate --out " + run / "out").code == 0);
    for (const char* option : {" --fresh", " --shard 1/2", " --points x"})
        CHECK(run("run " + file + " --cooperate --out " + run / "out" + option).code == 2);
}
