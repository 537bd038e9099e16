// Which points a run executes: shards and files of points.
#include <catch2/catch.hpp>
#include <set>

#include "experiments/catalog/catalog.hpp"
#include "experiments/plan/selection.hpp"
#include "experiments/text/fault.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

Plan plan_of(const nlohmann::json& config) {
    return Plan(make_config(OrderedJson::parse(config.dump()), "c.json", catalog()), catalog());
}

// Two datasets, each with cheap and dear points.
nlohmann::json uneven() {
    nlohmann::json config = small_config();
    config["datasets"].push_back(
        {{"label", "large"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 2000}}}});
    config["methods"][1]["sweep"]["grid"]["n_iterations"] = {1, 2, 3, 4, 5, 10, 20, 40, 80};
    return config;
}

}  // namespace

TEST_CASE("shards are disjoint, together complete and of about equal cost", "[plan][cluster]") {
    const Plan plan = plan_of(uneven());
    const CostEstimate cost(plan);
    double dearest = 0.0;
    double sum = 0.0;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
        dearest = std::max(dearest, cost.of(plan.at(i)).seconds);
        sum += cost.of(plan.at(i)).seconds;
    }
    for (const std::uint64_t count : {1U, 2U, 3U, 7U, 50U}) {
        std::vector<std::uint64_t> all;
        std::size_t loads = 0;
        for (std::uint64_t index = 1; index <= count; ++index) {
            std::set<std::string> datasets;
            double seconds = 0.0;
            for (const std::uint64_t i : selected_points(plan, {"", "", Shard{index, count}}, cost)) {
                all.push_back(i);
                datasets.insert(plan.at(i).dataset_id);
                seconds += cost.of(plan.at(i)).seconds;
            }
            loads += datasets.size();
            INFO(index << "/" << count);
            CHECK(seconds <= sum / static_cast<double>(count) + dearest + 1e-9);
        }
        REQUIRE(all.size() == plan.size());
        for (std::uint64_t i = 0; i < plan.size(); ++i) CHECK(all[i] == i);
        CHECK(loads <= count + 1);  // a dataset is split between shards only where a shard ends
    }
}

TEST_CASE("a shard is one of the selected points", "[plan][cluster]") {
    const Plan plan = plan_of(uneven());
    const CostEstimate cost(plan);
    std::size_t n = 0;
    for (const std::uint64_t index : {1U, 2U}) {
        for (const std::uint64_t i : selected_points(plan, {"large.*", "", Shard{index, 2}}, cost)) {
            CHECK(plan.at(i).dataset_label == "large");
            ++n;
        }
    }
    CHECK(n == 10);
}

TEST_CASE("shards: --shard takes I/N, counted from 1", "[plan][cluster]") {
    CHECK(shard_from("2/4").index == 2);
    CHECK(shard_from("4/4").count == 4);
    for (const char* text : {"0/4", "5/4", "1", "1/0", "/4", "1/", "-1/4", "1/4/2", "a/b", "1 /4", ""}) {
        INFO(text);
        CHECK_THROWS_AS(shard_from(text), ConfigError);
    }
}

TEST_CASE("a file of points takes ids, rows of plan and its JSON", "[plan][cluster]") {
    CHECK(ids_in("a.b\r\n\na.c\tHarmony\t{}\n{\"id\": \"a.d\", \"cost\": {}}", "f") ==
          std::vector<std::string>{"a.b", "a.c", "a.d"});
    CHECK_THROWS_WITH(ids_in("a\n{\"name\": 1}\n", "f"), Catch::Contains("f:2"));
    CHECK_THROWS_AS(ids_in("{\"id\": ", "f"), ConfigError);

    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    const std::string all = run("plan " + config + " --format json").out;
    const std::string first = all.substr(0, all.find('\n') + 1);
    const std::string points = run.directory.write("points", first + "data.Harmony.n_iterations=3\n");
    const Output output = run("run " + config + " --quiet --points " + points + " --out " + run / "out");
    CHECK(output.code == 0);
    CHECK(contains(output.err, "2 of 2 points ok"));
    CHECK(std::filesystem::exists(run / "out/points/data.Harmony.n_iterations=3.json"));
    CHECK_FALSE(std::filesystem::exists(run / "out/points/data.Harmony.n_iterations=1.json"));
    const Output wrong =
        run("run " + config + " --points " + run.directory.write("wrong", "data.Harmny\n") + " --out " + run / "wrong");
    CHECK(wrong.code == 2);
    CHECK(contains(wrong.err, "data.Harmny"));
    CHECK(run("run " + config + " --points " + run.directory.write("none", "\n")).code == 2);
    CHECK(run("run " + config + " --points " + run / "absent").code == 2);
}

TEST_CASE("a shard of the documented run calls nothing missing", "[plan][cluster]") {
    const Scratch run;
    for (const char* shard : {"1/3", "2/3", "3/3", "1/50"}) {
        const Output output = run("run " + std::string(BCBENCH_SOURCE_DIR) +
                                  "/configs/documented.json --quiet --shard " + shard + " --out " + run / "out");
        INFO(shard << output.out << output.err);
        CHECK(output.code == 0);
        CHECK_FALSE(contains(output.out, "MISSING"));
        std::filesystem::remove_all(run / "out");
    }
}
