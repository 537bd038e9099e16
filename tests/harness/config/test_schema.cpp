#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "experiments/config/keys.hpp"
#include "experiments/config/schema.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

namespace {

std::set<std::string> keys(const OrderedJson& object) {
    std::set<std::string> names;
    for (const auto& item : object.items()) names.insert(item.key());
    return names;
}

// The keys out of `candidates` that the parser does not call unknown at `pointer`.
std::set<std::string> accepted(const std::string& pointer, const std::set<std::string>& candidates) {
    std::set<std::string> names;
    for (const std::string& key : candidates) {
        OrderedJson json = small_config();
        json["metrics"] = {{{"type", "mixing"}}};
        json["exclude"] = OrderedJson::array({OrderedJson::object()});  // not {x}: a copy to clang
        json["methods"][1]["train"] = OrderedJson::object();
        json["methods"][1]["sweep"] = {{"random", OrderedJson::object()}};
        OrderedJson& object = json[OrderedJson::json_pointer(pointer)];
        if (!object.is_object()) object = OrderedJson::object();
        if (!object.contains(key)) object[key] = nullptr;
        const std::string place = pointer + "/" + key;
        const std::vector<Fault> faults = faults_of(json);
        const bool unknown = std::any_of(faults.begin(), faults.end(), [&place](const Fault& fault) {
            const bool refused =
                fault.message.rfind("there is no ", 0) == 0 || fault.message.rfind("a seed stands beside", 0) == 0;
            return fault.pointer == place && refused;
        });
        if (!unknown) names.insert(key);
    }
    return names;
}

}  // namespace

TEST_CASE("schema: holds every key the parser accepts and no other", "[schema]") {
    const OrderedJson schema = config_schema(small_catalog());
    const OrderedJson& top = schema["properties"];
    const OrderedJson& defs = schema["$defs"];
    const OrderedJson& sweep = defs["method.clusters.term"]["properties"];
    const std::vector<std::pair<std::string, const OrderedJson*>> objects = {
        {"", &top},
        {"/datasets/0", &top["datasets"]["items"]["properties"]},
        {"/methods/1", &top["methods"]["items"]["properties"]},
        {"/methods/1/params", &defs["method.clusters.params"]["properties"]},
        {"/methods/1/train", &defs["method.clusters.train"]["properties"]},
        {"/methods/1/sweep", &sweep},
        {"/methods/1/sweep/random", &sweep["random"]["properties"]},
        {"/metrics/0", &top["metrics"]["items"]["else"]["properties"]},
        {"/timing", &top["timing"]["properties"]},
        {"/outputs", &top["outputs"]["properties"]},
        {"/limits", &top["limits"]["properties"]},
        {"/tolerances/mixing", &top["tolerances"]["additionalProperties"]["properties"]},
        {"/exclude/0", &top["exclude"]["items"]["properties"]}};
    std::set<std::string> every_key = {"nonsense"};  // and what either side knows anywhere
    for (const Block* block :
         {&config_block(), &dataset_block(), &method_block(), &metric_block(), &timing_block(), &outputs_block(),
          &limits_block(), &tolerance_block(), &exclusion_block(), &sweep_block(), &random_block()})
        for (const std::string& key : key_names(*block)) every_key.insert(key);
    for (const Parameter& each : small_catalog().methods[1].parameters) every_key.insert(each.name);
    for (const Parameter& each : small_catalog().methods[1].training) every_key.insert(each.name);
    for (const auto& [pointer, properties] : objects) every_key.merge(keys(*properties));
    for (const auto& [pointer, properties] : objects) {
        CAPTURE(pointer);
        CHECK_FALSE(properties->empty());
        CHECK(accepted(pointer, every_key) == keys(*properties));
    }
}

TEST_CASE("schema: every object is closed, every reference leads somewhere", "[schema]") {
    const OrderedJson schema = config_schema(small_catalog());
    CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
    std::size_t objects = 0;
    std::size_t references = 0;
    const std::function<void(const OrderedJson&, const std::string&)> walk = [&](const OrderedJson& node,
                                                                                 const std::string& key) {
        if (node.is_object() && node.contains("properties") && key != "if" && key != "then") {
            CHECK(node.contains("additionalProperties"));
            ++objects;
        }
        if (node.is_object() && node.contains("$ref")) {
            const std::string target = node["$ref"].get<std::string>();
            REQUIRE(target.substr(0, 1) == "#");
            CHECK(schema.contains(OrderedJson::json_pointer(target.substr(1))));
            ++references;
        }
        if (node.is_structured())
            for (const auto& item : node.items()) walk(item.value(), item.key());
    };
    walk(schema, "");
    CHECK(objects > 20);
    CHECK(references > 20);
}

TEST_CASE("schema: types, defaults and requirements are those of the catalog", "[schema]") {
    const OrderedJson schema = config_schema(small_catalog());
    CHECK(schema["required"] == OrderedJson{"schema_version", "name", "datasets", "methods"});
    CHECK(schema["properties"]["precision"]["enum"] == OrderedJson{"float64", "float32", "tf32"});
    CHECK(schema["properties"]["precision"]["default"] == "float64");
    const OrderedJson& methods = schema["properties"]["methods"];
    CHECK(methods["minItems"] == 1);
    CHECK(methods["items"]["required"] == OrderedJson{"label", "type"});
    CHECK(methods["items"]["properties"]["type"]["oneOf"][1]["const"] == "clusters");
    CHECK(methods["items"]["properties"]["type"]["enum"][1] == "clusters");  // what an error of a validator repeats
    CHECK(methods["items"]["allOf"].size() == 2);
    CHECK(methods["items"]["allOf"][1]["if"]["properties"]["type"]["const"] == "clusters");
    CHECK(methods["items"]["allOf"][1]["then"]["properties"]["train"]["$ref"] == "#/$defs/method.clusters.train");
    CHECK(methods["items"]["allOf"][0]["then"]["properties"]["train"]["type"] == "null");
    CHECK(schema["$defs"]["method.clusters.params"]["properties"]["n_clusters"]["default"] == 100);
    CHECK(schema["$defs"]["method.clusters.params"]["properties"]["n_clusters"]["description"] == "help of n_clusters");
    const OrderedJson& grid = schema["$defs"]["method.clusters.term"]["properties"]["grid"]["properties"];
    CHECK(grid["train.steps"]["items"]["$ref"] == "#/$defs/method.clusters.train/properties/steps");
    CHECK_FALSE(schema["$defs"]["dataset.blobs.params"]["properties"].contains("seed"));
    CHECK(schema["properties"]["datasets"]["items"]["allOf"][0]["then"]["properties"]["seed"]["default"] == 42);
}
