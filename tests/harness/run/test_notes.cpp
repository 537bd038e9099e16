// What the program says of a config that is no fault and yet is rarely meant.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

TEST_CASE("an exclusion that matches nothing is noted by run, plan and validate", "[cli]") {
    const Scratch run;
    json source = sweep_config(2);
    source["exclude"] = {{{"match", "*sigma=0.01"}, {"reason", "known"}},
                         {{"match", "*sgima=0.02"}, {"reason", "typo"}}};
    const std::string config = run.directory.write("config.json", source.dump());
    for (const std::string& command :
         {"run " + config + " --quiet --out " + run / "out", "plan " + config, "validate " + config}) {
        INFO(command);
        const Output output = run(command);
        CHECK(output.code == 0);
        CHECK(contains(output.err, config + ": note: /exclude/1/match: \"*sgima=0.02\" matches no point\n"));
        CHECK_FALSE(contains(output.err, "/exclude/0"));
        CHECK_FALSE(contains(output.out, "note"));
    }
}

TEST_CASE("validate and plan say that a config has more points than one run takes", "[cli]") {
    const Scratch run;
    json source = sweep_config(2);
    source["methods"][0]["sweep"] = {{"random", {{"n", 20000000}, {"params", {{"sigma", {{"uniform", {0.1, 1}}}}}}}}};
    const std::string config = run.directory.write("config.json", source.dump());
    const std::string note = "note: 20000000 points, of which one run takes at most 10000000\n";
    const Output validated = run("validate " + config);
    CHECK(validated.code == 0);
    CHECK(contains(validated.err, note));
    run("plan " + config + " 2>'" + run / "notes" + "' | head -n 1");
    CHECK(contents(run / "notes") == config + ": " + note);
}

TEST_CASE("patterns match characters, whatever their bytes", "[cli]") {
    const Scratch run;
    json source = sweep_config(1);
    source["methods"][0]["label"] = "Müller";
    const std::string config = run.directory.write("config.json", source.dump());
    for (const char* pattern : {"*.M?ller.*", "*.M[äü]ller.*"}) {
        const Output output = run("plan " + config + " --only '" + pattern + "'");
        INFO(pattern);
        CHECK(output.code == 0);
        CHECK(contains(output.out, "data.Müller.sigma=0.01\t"));
    }
}
