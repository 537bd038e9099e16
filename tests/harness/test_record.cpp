// Point files as they are read: what to_text writes, and nothing that would mean two things.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/files.hpp"
#include "experiments/record.hpp"

using namespace bcbench;

TEST_CASE("a point file with a metric that stands twice is damaged", "[results]") {
    const std::string file = BCBENCH_SOURCE_DIR "/results/baseline/documented/points/two_batch.Uncorrected.json";
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(read_file(file));
    REQUIRE(record_from_text(json.dump(), "point.json").scores.size() == json["metrics"].size());
    const auto first = json["metrics"][0];
    json["metrics"].push_back(first);
    REQUIRE_THROWS_WITH(record_from_text(json.dump(), "point.json"),
                        "point.json is no record of a point: the metric " + first["metric"].get<std::string>() + " stands twice");
}
