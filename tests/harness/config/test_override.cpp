#include <catch2/catch.hpp>

#include "experiments/config/override.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

namespace {

OrderedJson overridden(const std::string& assignment, OrderedJson json = small_config()) {
    apply_override(json, assignment);
    return json;
}

std::string refusal(const std::string& assignment) {
    try {
        overridden(assignment);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("override: reaches every part of a config", "[override]") {
    CHECK(overridden("methods.Harmony.params.sigma=0.2")["methods"][1]["params"]["sigma"] == 0.2);
    CHECK(overridden("methods.Uncorrected.params.x=true")["methods"][0]["params"]["x"] == true);
    CHECK(overridden("datasets.two_batch.params.shifts=[0, 1]")["datasets"][0]["params"]["shifts"].size() == 2);
    CHECK(overridden("methods.Harmony.train.steps=3")["methods"][1]["train"]["steps"] == 3);
    CHECK(overridden("precision=float32")["precision"] == "float32");
    CHECK(overridden("name=\"7\"")["name"] == "7");
    CHECK(overridden("name=a=b")["name"] == "a=b");
    CHECK(overridden("timing.repeats=5")["timing"]["repeats"] == 5);
    CHECK(overridden("tolerances.mixing.absolute=1")["tolerances"]["mixing"]["absolute"] == 1);
    CHECK(overridden("metrics=[\"shift\"]")["metrics"] == OrderedJson{"shift"});
}

TEST_CASE("override: one seed replaces several and the other way round", "[override]") {
    const OrderedJson several = overridden("methods.Harmony.seeds=[1, 2]");
    CHECK_FALSE(several["methods"][1].contains("seed"));
    const OrderedJson one = overridden("methods.Harmony.seed=3", several);
    CHECK(one["methods"][1]["seed"] == 3);
    CHECK_FALSE(one["methods"][1].contains("seeds"));
}

TEST_CASE("override: labels may hold dots, equals signs and spaces", "[override]") {
    OrderedJson json = small_config();
    json["methods"][0]["label"] = "Harmony v1.2 (a=b)";
    CHECK(overridden("methods.Harmony v1.2 (a=b).seed=5", json)["methods"][0]["seed"] == 5);
    json["methods"][0]["label"] = "Harmony.params";  // the longest label that fits is meant
    CHECK(overridden("methods.Harmony.params.params.x=1", json)["methods"][0]["params"]["x"] == 1);
    std::swap(json["methods"][0], json["methods"][1]);
    CHECK(overridden("methods.Harmony.params.params.x=1", json)["methods"][1]["params"]["x"] == 1);
}

TEST_CASE("override: paths that lead nowhere are refused with the nearest name", "[override]") {
    CHECK(refusal("presision=tf32")
              .find("--set presision=tf32: there is no key \"presision\"; did you mean \"precision\"?") == 0);
    CHECK(refusal("methods.Harmny.seed=1")
              .find("there is no method labelled \"Harmny\"; did you mean \"Harmony\"? Known: Uncorrected, "
                    "Harmony") != std::string::npos);
    CHECK(refusal("methods.Harmony.parms.x=1").find("there is no key \"parms\"; did you mean \"params\"?") !=
          std::string::npos);
    CHECK(refusal("datasets.two_batch.train.x=1").find("(of a dataset)") != std::string::npos);
    CHECK(refusal("methods.Harmony=1").find("names a whole method") != std::string::npos);
    CHECK(refusal("precision").find("must be of the form path=value") != std::string::npos);
    CHECK(refusal("=1").find("must be of the form path=value") != std::string::npos);
    CHECK(refusal("methods.Harmony.=1").find("must be of the form path=value") != std::string::npos);
    CHECK(refusal("name.x=1").find("\"name\" holds \"small\", which has no keys") != std::string::npos);
    CHECK(refusal("name=\xff").find("not UTF-8") != std::string::npos);
    CHECK(refusal("methods.").find("must be of the form path=value") != std::string::npos);
}

TEST_CASE("override: wrong values are found when the config is checked", "[override]") {
    const auto faults = faults_of(overridden("methods.Harmony.params.sgima=1"));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].pointer == "/methods/1/params/sgima");
}
