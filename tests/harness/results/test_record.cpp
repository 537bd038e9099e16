// Point files as they are read: what to_text writes, and nothing that would mean two things.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/results/record.hpp"
#include "experiments/system/files.hpp"

using namespace bcbench;

TEST_CASE("a point file with a metric that stands twice is damaged", "[results]") {
    const std::string file = BCBENCH_SOURCE_DIR "/results/baseline/documented/points/two_batch.Uncorrected.json";
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(read_file(file));
    REQUIRE(record_from_text(json.dump(), "point.json").scores.size() == json["metrics"].size());
    const auto first = json["metrics"][0];
    json["metrics"].push_back(first);
    REQUIRE_THROWS_WITH(
        record_from_text(json.dump(), "point.json"),
        "point.json is no record of a point: the metric " + first["metric"].get<std::string>() + " stands twice");
}

TEST_CASE("a label or a version that is no whole number is damage", "[results]") {
    const std::string file = BCBENCH_SOURCE_DIR "/results/baseline/documented/points/two_batch.Uncorrected.json";
    const nlohmann::ordered_json intact = nlohmann::ordered_json::parse(read_file(file));
    for (const nlohmann::ordered_json& wrong :
         {nlohmann::ordered_json(-1), nlohmann::ordered_json(0.5), nlohmann::ordered_json(-1.01874),
          nlohmann::ordered_json(1e300), nlohmann::ordered_json(std::uint64_t{1} << 32), nlohmann::ordered_json("0"),
          nlohmann::ordered_json(true), nlohmann::ordered_json()}) {
        for (const char* place : {"/projection/batch/3", "/projection/type/3", "/metrics/0/version"}) {
            nlohmann::ordered_json json = intact;
            json[nlohmann::ordered_json::json_pointer(place)] = wrong;
            INFO(place << " " << wrong);
            REQUIRE_THROWS_WITH(record_from_text(json.dump(), "point.json"),
                                Catch::EndsWith("stands where a whole number must"));
        }
    }
    nlohmann::ordered_json json = intact;
    json["projection"]["batch"] = 7;
    REQUIRE_THROWS_WITH(record_from_text(json.dump(), "point.json"), Catch::EndsWith("must be a list"));
}
