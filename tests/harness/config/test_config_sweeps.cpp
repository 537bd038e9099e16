// Sweeps of configs that are wrong, and how they are told.
#include <catch2/catch.hpp>

#include "experiments/config/config.hpp"
#include "experiments/plan/plan.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

TEST_CASE("config: faults of sweeps", "[config][sweep]") {
    const std::string at = "/methods/1/sweep";
    check_cases({
        {at, "7", at, "is 7, must be an object"},
        {at, "{}", at, "is empty, must hold grid, zip or random"},
        {at, "[]", at, "is an empty list, must hold one or more sweeps"},
        {at, "[{\"gird\": {}}]", at + "/0/gird", "there is no key \"gird\"; did you mean \"grid\"?"},
        {at, "{\"grid\": {}}", at + "/grid", "is empty, must list the values"},
        {at, "{\"grid\": {\"sigma\": []}}", at + "/grid/sigma", "is [], must be a list of one or more values"},
        {at, "{\"grid\": {\"sigma\": 1}}", at + "/grid/sigma", "is 1, must be a list of one or more values"},
        {at, "{\"grid\": {\"sigma\": [1, 0]}}", at + "/grid/sigma/1", "is 0, must be a number > 0"},
        {at, "{\"grid\": {\"sgima\": [1]}}", at + "/grid/sgima",
         "there is no parameter \"sgima\"; did you mean \"sigma\"?"},
        {at, "{\"grid\": {\"n_clusters\": [1]}}", at + "/grid/n_clusters", "swept here and given in params as well"},
        {at, "{\"grid\": {\"seed\": [1]}}", at + "/grid/seed", "a seed is not swept"},
        {at, "{\"grid\": {\"train.steps\": [1]}}", at + "/grid/train.steps", "the method is not trained"},
        {at, "{\"grid\": {\"train.step\": [1]}}", at + "/grid/train.step",
         "there is no parameter \"train.step\"; did you mean \"train.steps\"?"},
        {at, "{\"zip\": {\"sigma\": [1, 2], \"masked\": [true]}}", at + "/zip",
         "lists of a zip must be equally long; sigma has 2, masked has 1"},
        {at, "{\"grid\": {\"sigma\": [1]}, \"zip\": {\"sigma\": [1]}}", at, "sweeps \"sigma\" twice"},
        {at, "{\"random\": {\"params\": {\"sigma\": {\"uniform\": [1, 2]}}}}", at + "/random", "\"n\" is missing"},
        {at, "{\"random\": {\"n\": 0, \"params\": {\"sigma\": {\"uniform\": [1, 2]}}}}", at + "/random/n",
         "is 0, must be"},
        {at, "{\"random\": {\"n\": 1}}", at + "/random", "\"params\" is missing"},
        {at, "{\"random\": {\"n\": 1, \"params\": {}}}", at + "/random/params", "is empty"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"sigma\": {\"normal\": [1, 2]}}}}", at + "/random/params/sigma",
         "is {\"normal\":[1,2]}, must be an object with one of"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"sigma\": {\"uniform\": [2, 1]}}}}",
         at + "/random/params/sigma/uniform", "is [2,1], must be two numbers [a, b] with a < b"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"sigma\": {\"uniform\": [0, 1]}}}}",
         at + "/random/params/sigma/uniform/0", "is 0, must be a number > 0"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"sigma\": {\"log_uniform\": [0, 1]}}}}",
         at + "/random/params/sigma/log_uniform", "is [0,1], must be two numbers [a, b] with 0 < a < b"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"n_iterations\": {\"uniform\": [1, 9]}}}}",
         at + "/random/params/n_iterations/uniform",
         "does not fit \"n_iterations\", an integer >= 1; use integer or choice"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"masked\": {\"integer\": [0, 1]}}}}",
         at + "/random/params/masked/integer", "does not fit \"masked\", true or false; use choice"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"n_iterations\": {\"integer\": [1, 2.5]}}}}",
         at + "/random/params/n_iterations/integer", "is [1,2.5], must be two integers"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"n_iterations\": {\"integer\": [0, 2]}}}}",
         at + "/random/params/n_iterations/integer/0", "is 0, must be an integer >= 1"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"masked\": {\"choice\": [true, 1]}}}}",
         at + "/random/params/masked/choice/1", "is 1, must be true or false"},
        {at, "{\"random\": {\"n\": 1, \"params\": {\"sgima\": {\"uniform\": [1, 2]}}}}", at + "/random/params/sgima",
         "there is no parameter \"sgima\""},
        {at, "{\"random\": {\"n\": 2000000, \"params\": {\"masked\": {\"choice\": [true]}}}}", at + "/random/n",
         "is 2000000, must be at most 1000000"},
    });
}

TEST_CASE("config: a required parameter may be swept, but then in every part of the sweep", "[config][sweep]") {
    const auto swept = [](const std::string& sweep) {
        return changed("/datasets/0", R"({"label": "d", "type": "file", "sweep": )" + sweep + "}");
    };
    CHECK(faults_of(swept(R"({"grid": {"path": ["a", "b"]}})")).empty());
    const auto faults = faults_of(swept(R"([{"grid": {"path": ["a"]}}, {"grid": {"column": ["c"]}}])"));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].message.find("\"path\" is missing") == 0);
}

TEST_CASE("config: more points than can be counted are refused", "[config][sweep]") {
    OrderedJson json = small_config();
    json["methods"][1].erase("params");
    OrderedJson values = OrderedJson::array();
    for (int i = 1; i <= 10'000; ++i) values.push_back(i);
    for (const char* name : {"n_clusters", "n_iterations", "sigma", "kernel_bandwidth"})
        json["methods"][1]["sweep"]["grid"][name] = values;
    const auto faults = faults_of(json);
    REQUIRE_FALSE(faults.empty());
    CHECK(faults[0].pointer == "/methods/1/sweep");
    CHECK(faults[0].message == "has more than 10^15 points");
}
