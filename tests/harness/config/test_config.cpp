#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "experiments/config/config.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/text/canonical.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

namespace {

OrderedJson without(const std::string& key) {
    OrderedJson json = small_config();
    json.erase(key);
    return json;
}

}  // namespace

TEST_CASE("config: defaults", "[config]") {
    const Config config = config_from(small_config());
    CHECK(config.name == "small");
    CHECK(config.precision == "float64");
    CHECK(config.timing.warmup == 0);
    CHECK(config.timing.repeats == 1);
    CHECK_FALSE(config.outputs.embeddings);
    CHECK(config.outputs.projections);
    CHECK_FALSE(config.limits.max_seconds);
    CHECK_FALSE(config.expected);
    CHECK(config.checks.empty());
    REQUIRE(config.metrics.size() == 2);
    CHECK(config.metrics[0].name == "mixing");
    CHECK(config.metrics[0].params == nlohmann::json{{"n_neighbors", 10}});
    REQUIRE(config.datasets.size() == 1);
    CHECK(config.datasets[0].seeds == std::vector<std::uint64_t>{42});  // the type declares its default seed
    CHECK(config.datasets[0].params ==
          nlohmann::json::parse(R"({"n_cells": 50, "noise_sd": 0.5, "shifts": [0.0, 3.0], "shape": "round"})"));
    REQUIRE(config.methods.size() == 2);
    CHECK(config.methods[0].seeds == std::vector<std::uint64_t>{0});
    CHECK(config.methods[1].params["n_clusters"] == 20);
    CHECK(config.methods[1].params["max_steps"].is_null());
    CHECK(config.methods[1].train.is_null());
}

TEST_CASE("config: every setting is read", "[config]") {
    const Config config = config_from_text(R"({"$schema": "s.json", "schema_version": 1, "name": "Größe <b>&",
        "purpose": "why", "precision": "tf32",
        "datasets": [{"label": "d", "type": "file", "seed": 9007199254740991, "params": {"path": "x.csv"}}],
        "methods": [{"label": "m", "type": "clusters", "purpose": "trained", "seeds": [3, 1],
                     "params": {"sigma": [1, 2]}, "train": {"steps": 7}}],
        "metrics": ["shift", {"type": "mixing", "params": {"n_neighbors": 30}}, "mixing",
                    {"type": "mixing", "params": {"n_neighbors": 10}}],
        "checks": ["gradient", "reference", "gradient"],
        "timing": {"warmup": 1, "repeats": 3}, "outputs": {"embeddings": true, "projections": false},
        "limits": {"max_seconds": 1.5, "max_memory_bytes": 4000000000},
        "tolerances": {"mixing": {"absolute": 0.1}, "shift": {"relative": 1e-3}},
        "exclude": [{"match": "d.m*", "reason": "too slow"}]})");
    CHECK(config.name == "Größe <b>&");
    CHECK(config.precision == "tf32");
    CHECK(config.purpose == "why");
    CHECK(config.datasets[0].seeds[0] == 9007199254740991U);
    CHECK(config.methods[0].purpose == "trained");
    CHECK(config.methods[0].seeds == std::vector<std::uint64_t>{3, 1});
    CHECK(config.methods[0].params["sigma"].dump() == "[1.0,2.0]");  // integers stored as the numbers they stand for
    CHECK(config.methods[0].train == nlohmann::json::parse(R"({"learning_rate": 0.001, "steps": 7})"));
    REQUIRE(config.metrics.size() == 3);
    CHECK(config.metrics[0].name == "shift");
    CHECK(config.metrics[1].name == "mixing(n_neighbors=30)");
    CHECK(config.metrics[2].name == "mixing");
    CHECK(config.checks == std::vector<std::string>{"gradient", "reference"});
    CHECK(config.timing.repeats == 3);
    CHECK(config.outputs.embeddings);
    CHECK_FALSE(config.outputs.projections);
    CHECK(config.limits.max_seconds.value() == 1.5);
    CHECK(config.limits.max_memory_bytes.value() == 4000000000U);
    CHECK(config.tolerances.at("mixing").absolute == 0.1);
    CHECK(config.tolerances.at("shift").relative == 1e-3);
    CHECK(config.exclude.at(0).reason == "too slow");
}

TEST_CASE("config: of very many or very long faults the first are told, quickly", "[config]") {
    OrderedJson many = small_config();
    for (int i = 0; i < 3000; ++i) many["unknown" + std::to_string(i)] = 1;
    const std::vector<Fault> faults = faults_of(many);
    REQUIRE(faults.size() == 101);
    CHECK(faults[0].pointer == "/unknown0");
    CHECK(faults[100].message == "has more faults than these 100");

    const std::string name(4'000'000, 'x');
    const std::vector<Fault> one = faults_of(changed("/" + name, "1"));
    REQUIRE(one.size() == 1);
    CHECK(one[0].pointer.size() < 1100);
    CHECK(one[0].message.size() < 1000);
}

TEST_CASE("config: faults at the top", "[config]") {
    check_cases({
        {"/methds", "[]", "/methds",
         "there is no key \"methds\"; did you mean \"methods\"? Known: $schema, schema_version"},
        {"/schema_version", "2", "/schema_version", "is 2, must be an integer equal to 1"},
        {"/schema_version", "\"1\"", "/schema_version", "is \"1\", must be"},
        {"/name", "\"\"", "/name", "is \"\", must be 1 to 80 bytes"},
        {"/name", "\"../up\"", "/name", "is \"../up\", must be 1 to 80 bytes"},
        {"/name", "7", "/name", "is 7, must be a text"},
        {"/purpose", "[]", "/purpose", "is [], must be a text"},
        {"/precision", "\"float46\"", "/precision",
         "is \"float46\", must be one of float64, float32, tf32; did you mean \"float64\"?"},
        {"/datasets", "[]", "/datasets", "is empty, must hold one or more datasets"},
        {"/methods", "[]", "/methods", "is empty, must hold one or more methods"},
        {"/methods", "{}", "/methods", "is {}, must be a list"},
        {"/metrics", "\"mixing\"", "/metrics", "is \"mixing\", must be a list"},
        {"/metrics", "[7]", "/metrics/0", "is 7, must be the name of a metric"},
        {"/metrics", "[\"mixin\"]", "/metrics/0",
         "there is no metric \"mixin\"; did you mean \"mixing\"? Known: mixing, shift"},
        {"/metrics", "[{}]", "/metrics/0", "\"type\" is missing"},
        {"/metrics", "[{\"type\": \"x\"}]", "/metrics/0/type", "there is no metric \"x\"; known: mixing, shift"},
        {"/metrics", "[{\"type\": \"mixing\", \"k\": 1}]", "/metrics/0/k", "there is no key \"k\""},
        {"/metrics", "[{\"type\": \"mixing\", \"params\": {\"neighbors\": 1}}]", "/metrics/0/params/neighbors",
         "there is no parameter \"neighbors\"; did you mean \"n_neighbors\"?"},
        {"/metrics", "[{\"type\": \"mixing\", \"params\": {\"n_neighbors\": 0}}]", "/metrics/0/params/n_neighbors",
         "is 0, must be an integer >= 1"},
        {"/checks", "[\"gradent\"]", "/checks/0", "there is no check \"gradent\"; did you mean \"gradient\"?"},
        {"/checks", "[1]", "/checks/0", "is 1, must be the name of a check"},
        {"/timing", "{\"repeats\": 0}", "/timing/repeats", "is 0, must be an integer in [1, 1000000]"},
        {"/timing", "{\"warm_up\": 0}", "/timing/warm_up", "there is no key \"warm_up\"; did you mean \"warmup\"?"},
        {"/timing", "3", "/timing", "is 3, must be an object"},
        {"/outputs", "{\"embeddings\": 1}", "/outputs/embeddings", "is 1, must be true or false"},
        {"/limits", "{\"max_seconds\": 0}", "/limits/max_seconds", "is 0, must be a number > 0 or null"},
        {"/limits", "{\"max_memory_bytes\": 1.5}", "/limits/max_memory_bytes",
         "is 1.5, must be an integer > 0 or null"},
        {"/tolerances", "{\"a/b~\": {\"absolut\": 1}}", "/tolerances/a~1b~0/absolut", "there is no key \"absolut\""},
        {"/tolerances", "{\"mixing\": {\"absolute\": -1}}", "/tolerances/mixing/absolute",
         "is -1, must be a number >= 0"},
        {"/exclude", "[{\"match\": \"x\"}]", "/exclude/0", "\"reason\" is missing"},
        {"/exclude", "[{\"match\": \"\", \"reason\": \"r\"}]", "/exclude/0/match", "is empty"},
        {"/expected", "\"none.json\"", "/expected", "there is no file dir/none.json"},
    });
    for (const char* key : {"schema_version", "name", "datasets", "methods"}) {
        const std::vector<Fault> faults = faults_of(without(key));
        REQUIRE(faults.size() == 1);
        CHECK(faults[0].pointer.empty());
        CHECK(faults[0].message.find("\"" + std::string(key) + "\" is missing") == 0);
    }
    CHECK(faults_of(OrderedJson::array()).at(0).message == "is [], must be an object");
}

TEST_CASE("config: faults of entries", "[config]") {
    check_cases({
        {"/methods/0", "7", "/methods/0", "is 7, must be an object"},
        {"/methods/0/lable", "\"x\"", "/methods/0/lable", "there is no key \"lable\"; did you mean \"label\"?"},
        {"/methods/0", "{\"type\": \"plain\"}", "/methods/0", "\"label\" is missing"},
        {"/methods/0", "{\"label\": \"x\"}", "/methods/0", "\"type\" is missing"},
        {"/methods/0/type", "\"plane\"", "/methods/0/type",
         "there is no method type \"plane\"; did you mean \"plain\"? Known: plain, clusters"},
        {"/datasets/0/type", "\"clusters\"", "/datasets/0/type",
         "there is no dataset type \"clusters\"; known: blobs, file"},
        {"/methods/1/label", "\"Uncorrected\"", "/methods/1/label",
         "is \"Uncorrected\", which is the label of /methods/0 already"},
        {"/methods/0/label", "\" x\"", "/methods/0/label", "is \" x\", must be 1 to 80 bytes"},
        {"/methods/0/label", "\"a\\u0085\"", "/methods/0/label", "is "},
        {"/datasets/0/train", "{}", "/datasets/0/train", "there is no key \"train\""},
        {"/methods/0/train", "{}", "/methods/0/train", "plain cannot be trained"},
        {"/methods/1/train", "{\"learn_rate\": 1}", "/methods/1/train/learn_rate",
         "there is no parameter \"learn_rate\"; did you mean \"learning_rate\"?"},
        {"/methods/1/train", "{\"steps\": 0}", "/methods/1/train/steps", "is 0, must be an integer >= 1"},
        {"/methods/1/train", "7", "/methods/1/train", "is 7, must be an object"},
        {"/methods/1/params", "[]", "/methods/1/params", "is [], must be an object"},
        {"/methods/1/params/n_cluster", "1", "/methods/1/params/n_cluster",
         "there is no parameter \"n_cluster\"; did you mean \"n_clusters\"?"},
        {"/methods/0/params", "{\"x\": 1}", "/methods/0/params/x", "there is no parameter \"x\"; there are none"},
        {"/methods/1/params/n_clusters", "2.5", "/methods/1/params/n_clusters", "is 2.5, must be an integer >= 1"},
        {"/methods/1/params/sigma", "[1, 0]", "/methods/1/params/sigma", "element 1 is 0, must be"},
        {"/datasets/0/params", "{\"seed\": 1}", "/datasets/0/params/seed",
         "a seed stands beside \"params\", not in it"},
        {"/datasets/0", "{\"label\": \"d\", \"type\": \"file\"}", "/datasets/0", "\"path\" is missing, must be a text"},
        {"/datasets/0", "{\"label\": \"d\", \"type\": \"file\", \"params\": {}}", "/datasets/0/params",
         "\"path\" is missing"},
        {"/methods/1/seed", "-1", "/methods/1/seed", "is -1, must be an integer in [0, 9007199254740991]"},
        {"/methods/1/seed", "9007199254740992", "/methods/1/seed", "is 9007199254740992, must be"},
        {"/methods/1/seeds", "[1]", "/methods/1/seeds", "given together with \"seed\""},
        {"/methods/0/seeds", "[]", "/methods/0/seeds", "is [], must be a list of one or more seeds"},
        {"/methods/0/seeds", "[1, \"2\"]", "/methods/0/seeds/1", "is \"2\", must be"},
        {"/methods/0/seeds", "[1, 2, 1]", "/methods/0/seeds/2", "is 1, which is in the list already"},
    });
}

TEST_CASE("config: all faults are reported at once, one line each", "[config]") {
    OrderedJson json = small_config();
    json["precision"] = 1;
    json["x"] = 1;
    json["methods"][1]["params"] = {{"n_clusters", 0}, {"y", 1}};
    json["checks"] = {"z"};
    try {
        config_from(json);
        FAIL("accepted");
    } catch (const ConfigError& error) {
        CHECK(error.faults().size() == 5);
        const std::string text = error.what();
        CHECK(std::count(text.begin(), text.end(), '\n') == 4);
        CHECK(text.find("dir/test.json: /methods/1/params/n_clusters: is 0, must be an integer >= 1\n") !=
              std::string::npos);
    }
}

TEST_CASE("config: labels", "[config]") {
    for (const char* good : {"a", "two words", "Größe", "<b>&amp;", "a.b", "x=1", "日本"}) {
        CAPTURE(good);
        CHECK_FALSE(label_fault(good));
    }
    CHECK_FALSE(label_fault(std::string(80, 'x')));
    for (const std::string& bad :
         {std::string(), std::string(81, 'x'), std::string(".."), std::string(".x"), std::string("a/b"),
          std::string("a\\b"), std::string(" a"), std::string("a "), std::string("a\nb"), std::string("a\x7f"),
          std::string("a\xc2\x85"), std::string("\xff"), std::string("a\0b", 3)}) {
        CAPTURE(bad.size());
        CHECK(label_fault(bad));
    }
}

TEST_CASE("config: paths are relative to the config, and the file of expected values must exist", "[config]") {
    const std::filesystem::path directory =
        std::filesystem::temp_directory_path() / ("bcbench_config_" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(directory);
    OrderedJson json = small_config();
    json["expected"] = "values.json";
    std::ofstream(directory / "values.json") << "{}";
    std::ofstream(directory / "c.json") << json;
    const Config config = read_config(directory / "c.json", small_catalog(), {"precision=tf32"});
    CHECK(config.expected.value() == directory / "values.json");
    CHECK(config.file == directory / "c.json");
    CHECK(config.precision == "tf32");
    std::filesystem::remove_all(directory);
    CHECK_THROWS_AS(read_config(directory / "c.json", small_catalog()), ConfigError);
}

TEST_CASE("config: written back with defaults it is the same experiment", "[config]") {
    OrderedJson json = small_config();
    json["methods"][1]["train"] = {{"steps", 5}};
    json["methods"][1]["seed"] = nullptr;
    json["methods"][1]["sweep"] = OrderedJson::parse(
        R"([{"grid": {"sigma": [1, [2, 3]], "train.learning_rate": [0.1, 1]}},
            {"random": {"n": 3, "params": {"kernel_bandwidth": {"uniform": [1, 2]}}}}])");
    json["datasets"][0]["seeds"] = {1, 2};
    json["tolerances"]["mixing"]["relative"] = 0.5;
    const Config config = config_from(json);
    const OrderedJson filled = with_defaults(config);
    CHECK(filled["methods"][0]["seed"] == 0);
    CHECK(filled["datasets"][0]["params"]["noise_sd"] == 0.5);
    CHECK(filled["timing"]["repeats"] == 1);
    CHECK_FALSE(filled["methods"][1]["params"].contains("sigma"));
    const Config again = config_from(filled);
    CHECK(with_defaults(again) == filled);
    const Plan plan(config, small_catalog());
    const Plan same(again, small_catalog());
    REQUIRE(plan.size() == same.size());
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        CHECK(plan.at(i).id == same.at(i).id);
        CHECK(plan.at(i).params == same.at(i).params);
    }
}

TEST_CASE("config: mangled configs give faults, never crashes", "[config]") {
    OrderedJson base = small_config();
    base["methods"][1]["sweep"] = OrderedJson::parse(
        R"([{"grid": {"sigma": [1, 2]}, "zip": {"masked": [true, false], "max_steps": [1, null]}},
            {"random": {"n": 4, "params": {"n_iterations": {"integer": [1, 9]}}}}])");
    base["metrics"] = {"mixing", {{"type", "mixing"}, {"params", {{"n_neighbors", 3}}}}};
    base["exclude"] = {{{"match", "*"}, {"reason", "r"}}};
    base["limits"] = {{"max_seconds", 3}};
    const OrderedJson flat = base.flatten();
    const std::vector<OrderedJson> junk = {nullptr,
                                           true,
                                           -1,
                                           0.5,
                                           1e300,
                                           "",
                                           "x",
                                           "sigma",
                                           OrderedJson::array(),
                                           OrderedJson::object(),
                                           {1, 2},
                                           {{"uniform", {1, 2}}}};
    std::size_t valid = 0;
    std::size_t faulty = 0;
    for (const auto& item : flat.items()) {
        std::string place = item.key();
        while (!place.empty()) {  // the value and everything around it
            for (const OrderedJson& value : junk) {
                OrderedJson mangled = base;
                mangled[OrderedJson::json_pointer(place)] = value;
                const std::vector<Fault> faults = faults_of(mangled);
                ++(faults.empty() ? valid : faulty);
                for (const Fault& fault : faults) CHECK_FALSE(fault.message.empty());
            }
            place.erase(place.rfind('/'));
        }
    }
    CHECK(faulty > 300);
    CHECK(valid > 20);
}
