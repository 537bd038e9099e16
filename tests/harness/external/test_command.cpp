// The method `command` as a user meets it.
#include <catch2/catch.hpp>

#include "tests/support/own_methods.hpp"

using namespace bcbench::testing;

TEST_CASE("a config that runs programs must be allowed to", "[external]") {
    OwnMethods own;
    own.add("mine", unchanged);
    const std::string arguments = "run '" + own.write() + "' --quiet --out '" + (own.program / "out") + "'";
    const Output refused = own.program(arguments);
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "/methods/1: runs a program: [\"sh\",\"mine.sh\"]; allow it with --allow-commands"));
    CHECK(own.program(arguments + " --only '*Uncorrected'").code == 0);
    CHECK(own.program(arguments, "BCBENCH_ALLOW_COMMANDS=0").code == 2);
    CHECK(own.program(arguments, "BCBENCH_ALLOW_COMMANDS=1").code == 0);
}

TEST_CASE("cells go through a command unchanged, to the byte", "[external]") {
    OwnMethods own;
    own.config["precision"] = "float32";
    own.config["outputs"]["embeddings"] = true;
    own.add("mine", unchanged);
    REQUIRE(own.run().code == 0);
    const auto embedding = [&](const std::string& id) {
        return contents(own.program / ("out/embeddings/" + id + ".npy"));
    };
    CHECK(embedding("two.mine").size() > 1000);
    CHECK(embedding("two.mine") == embedding("two.Uncorrected"));
}

TEST_CASE("declared parameters are parameters like any", "[external]") {
    OwnMethods own;
    json& mine = own.add("mine", "grep -q '\"theta\": '$3'' \"$1/params.json\" || exit 1\n" + unchanged);
    mine["params"]["command"] = {"sh", "mine.sh", "{input}", "{output}", "{theta}", "{{theta}}", "{seed}"};
    mine["seeds"] = {0, 5};
    mine["sweep"]["grid"]["theta"] = {1.5, 2, 4};
    own.program.directory.write("mine.json", R"({"contract": 1, "summary": "mine", "parameters": {
            "theta": {"type": "number", "default": 2, "range": [0, 10], "help": "larger mixes more"},
            "way": {"type": "string", "default": "a", "choices": ["a", "b"]}}})");
    SECTION("in sweeps, ids and tables") {
        const Output output = own.run();
        INFO(output.err);
        CHECK(output.code == 3);  // 2 is written as 2.0, which the script does not look for
        CHECK(own.point("two.mine.theta=1.5.seed=5")["status"] == "ok");
        CHECK(own.point("two.mine.theta=1.5.seed=5")["params"] == R"({"theta":1.5})");
        CHECK(contains(own.program("describe '" + (own.program / "mine.json") + "'").out, "a number in [0, 10]"));
    }
    SECTION("and so are their faults") {
        const auto fault = [&] { return own.program("validate '" + own.write() + "'").err; };
        mine["sweep"]["grid"]["theta"] = {11};
        CHECK(contains(fault(), "/methods/1/sweep/grid/theta/0: is 11, must be a number in [0, 10]"));
        mine.erase("sweep");
        mine["params"]["thata"] = 1;
        CHECK(contains(fault(), "\"thata\"; did you mean \"theta\"?"));
        mine["params"].erase("thata");
        mine["params"]["command"] = {"sh", "mine.sh", "{teta}"};
        CHECK(contains(fault(), "/methods/1/params/command: has {teta}"));
        mine["params"]["command"] = {"python3", "yours.py"};
        CHECK(contains(fault(), "yours.py, which is no file beside the config"));
        mine["params"] = {{"command", {"sh", "mine.sh"}}, {"parameters", {{"seed", {{"type", "integer"}}}}}};
        CHECK(
            contains(fault(), "/methods/1/params/parameters: declares \"seed\" whose name stands for something else"));
        mine["params"]["parameters"] = {{"k", {{"type", "integer"}, {"default", 0.5}}}};
        CHECK(contains(fault(), "declares \"k\" whose default is 0.5, must be an integer"));
    }
}

TEST_CASE("the types of the cells are told only to those who need them", "[external]") {
    OwnMethods own;
    const std::string wants_types = "grep -q type \"$1/obs.csv\" || { echo no types; exit 99; }\n" + unchanged;
    own.add("blind", wants_types);
    own.add("told", wants_types)["params"]["needs"] = {{"types", true}};
    own.add("three", unchanged)["params"]["needs"] = {{"batches", 3}};
    REQUIRE(own.run().code == 0);
    CHECK(own.point("two.blind")["scores"][0]["reason"] == "no types");
    CHECK(own.point("two.told")["scores"][0]["value"].is_number());
    CHECK(own.point("two.three")["scores"][0]["reason"] == "needs at least 3 batches, the dataset has 2");
}

TEST_CASE("a finished point stands until command, files or version change; plan runs nothing", "[external]") {
    OwnMethods own;
    json& mine = own.add("mine", unchanged + ". \"$3\"\n");
    own.program.directory.write("module.sh", ": one\n");
    own.program.directory.write("version.sh", "touch \"$0.ran\"; echo 1.0\n");
    mine["params"]["command"] = {"sh", "mine.sh", "{input}", "{output}", "module.sh"};
    mine["params"]["version_command"] = {"sh", "version.sh"};
    const std::string file = own.write();
    const std::string plan = own.program("plan '" + file + "'").out;
    CHECK(contains(plan, "runs sh "));
    CHECK(contains(plan, "files mine.sh "));
    CHECK(contains(own.program("validate '" + file + "'").out, "mine\truns sh "));
    CHECK_FALSE(std::filesystem::exists(own.program / "version.sh.ran"));

    const auto resumed = [&] {
        const Output output = own.run();
        INFO(output.err);
        REQUIRE(output.code == 0);
        return contains(output.err, "2 from an earlier run");
    };
    CHECK_FALSE(resumed());
    CHECK(resumed());
    own.program.directory.write("module.sh", ": two\n");
    CHECK_FALSE(resumed());
    CHECK(resumed());
    own.program.directory.write("mine.sh", unchanged);
    CHECK_FALSE(resumed());
    own.program.directory.write("version.sh", "echo 1.1\n");
    CHECK_FALSE(resumed());
    CHECK(resumed());
    CHECK(contains(own.point("two.mine")["outputs"]["command_identity"].get<std::string>(), "1.1"));
}

TEST_CASE("latent cells, losses, traces and its own time are taken from a command", "[external]") {
    OwnMethods own;
    own.add("mine", unchanged + R"(cp "$1/cells.npy" "$2/latent.npy"
echo '{"objective": 1.5, "mmd_loss": 2}' > "$2/losses.json"
echo '{"objective": [3, 2, 1.5]}' > "$2/traces.json"
echo '{"fit": 0.001}' > "$2/timings.json"
)");
    REQUIRE(own.run().code == 0);
    const std::string metrics = contents(own.program / "out/metrics.csv");
    CHECK(contains(metrics, "objective_loss,1.5,lower,ok"));
    CHECK(contains(metrics, "mmd_loss,2,lower,ok"));
    const json point = own.point("two.mine");
    CHECK(point["outputs"]["latent_shape"] == json{60, 7});
    CHECK(point["traces"]["objective"] == json{3, 2, 1.5});
    CHECK(contains(contents(own.program / "out/timings.csv"), "two.mine,fit_reported,0,0.001,"));
}

TEST_CASE("a command gets a short list of the environment, and a fresh folder", "[external]") {
    OwnMethods own;
    own.add("mine",
            "[ -z \"$SECRET\" ] && [ \"$TOLD\" = yes ] && [ \"$OMP_NUM_THREADS\" = 1 ] && [ -z \"$(ls)\" ] && "
            "[ -d \"$TMPDIR\" ] || exit 1\n" +
                unchanged)["params"]["environment"] = {"TOLD"};
    const Output output = own.program(
        "run '" + own.write() + "' --threads 1 --allow-commands --quiet --out '" + (own.program / "out") + "'",
        "SECRET=1 TOLD=yes");
    CHECK(output.code == 0);
    CHECK(own.point("two.mine")["status"] == "ok");
}

TEST_CASE("the gradient of a command is not applicable, or checked where it offers one", "[external]") {
    OwnMethods own;
    own.config["datasets"][0]["params"] = {{"n_cells_per_batch", 3}, {"n_features", 2}, {"n_types", 1}};
    own.config["checks"] = {"gradient"};
    own.add("none", unchanged);
    const std::string right = "[ \"$3\" = --vjp ] && cp \"$1/corrected_bar.npy\" \"$2/cells_bar.npy\" && exit 0\n";
    const std::string wrong = "[ \"$3\" = --vjp ] && cp \"$1/cells.npy\" \"$2/cells_bar.npy\" && exit 0\n";
    own.add("right", right + unchanged)["params"]["vjp"] = true;
    own.add("wrong", wrong + unchanged)["params"]["vjp"] = true;
    const Output output = own.run("--jobs 2 --threads 2");
    INFO(output.err);
    CHECK(output.code == 1);
    const auto gradient = [&](const std::string& id) {
        for (const json& score : own.point(id)["scores"])
            if (score["metric"] == "gradient") return score["value"];
        return json("no row");
    };
    CHECK(gradient("two.none").is_null());
    CHECK(gradient("two.right") == 1.0);
    CHECK(gradient("two.wrong") == 0.0);
}

TEST_CASE("the method embedding scores what somebody else has computed", "[external]") {
    OwnMethods own;
    own.config["outputs"]["embeddings"] = true;
    REQUIRE(own.run().code == 0);
    const auto embedding = [&](const std::string& id) {
        return contents(own.program / ("out/embeddings/" + id + ".npy"));
    };
    const std::string original = embedding("two.Uncorrected");
    own.program.directory.write("two.npy", original);
    own.program.directory.write("cells.csv", "name,a,b\nc1,1,2\nc2,3,4\nc3,5,6\n");
    own.program.directory.write("meta.csv", "cell,batch\nc1,x\nc2,y\nc3,y\n");
    own.program.directory.write("other.csv", "cell,p,q,r\nc3,5,6,0\nc1,1,2,0\nc2,3,4,1\n");
    own.program.directory.write("short.csv", "cell,p\nc3,5\nc1,1\n");
    own.config["datasets"].push_back(
        {{"label", "named"},
         {"type", "table"},
         {"params",
          {{"cells", "cells.csv"}, {"metadata", "meta.csv"}, {"batch_column", "batch"}, {"row_names", true}}}});
    const auto add = [&](const char* label, const char* file) {
        own.config["methods"].push_back({{"label", label}, {"type", "embedding"}, {"params", {{"file", file}}}});
    };
    add("npy", "{dataset}.npy");
    add("csv", "other.csv");
    add("short", "short.csv");
    own.config["exclude"] = {{{"match", "two.csv"}, {"reason", "is of the other"}},
                             {{"match", "two.short"}, {"reason", "is of the other"}},
                             {{"match", "named.npy"}, {"reason", "is of the other"}}};
    CHECK(own.run().code == 3);
    CHECK(embedding("two.npy") == original);
    CHECK(contains(own.point("named.short")["reason"].get<std::string>(),
                   "short.csv: has 2 rows, the dataset has 3 cells"));
    CHECK(own.point("named.csv")["outputs"]["corrected_shape"] == json{3, 3});
    const std::string csv = embedding("named.csv");
    double first[9];
    std::memcpy(first, csv.data() + csv.size() - sizeof first, sizeof first);
    CHECK(std::vector<double>(first, first + 9) == std::vector<double>{1, 2, 0, 3, 4, 1, 5, 6, 0});
    own.config["methods"].push_back({{"label", "both"}, {"type", "embedding"}, {"params", json::object()}});
    CHECK(contains(own.program("validate '" + own.write() + "'").err, "one of the two must be given"));
}
