// What programs read: plan, list, describe and validate with --format json.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench::testing;
using nlohmann::json;

namespace {

std::vector<json> objects(const std::string& text) {
    std::vector<json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
    return lines;
}

}  // namespace

TEST_CASE("plan --format json says what a point is, needs, writes and costs", "[cli][plan]") {
    const Scratch run;
    run.directory.write("cells.csv", cells_csv(30));
    run.directory.write("meta.csv", meta_csv(30, 2));
    json config = table_config();
    config["outputs"] = {{"embeddings", true}};
    config["methods"].push_back(
        {{"label", "MMD"}, {"type", "mmd_autoencoder"}, {"seed", 3}, {"train", {{"steps", 2}, {"save_model", true}}}});
    config["exclude"] = {{{"match", "data.Harmony.n_iterations=3"}, {"reason", "known"}}};
    const std::string file = run.directory.write("c.json", config.dump());
    const std::vector<json> points = objects(run("plan --format json " + file).out);
    REQUIRE(points.size() == 4);
    const json& mmd = points[3];
    CHECK(mmd["id"] == "data.MMD");
    CHECK(mmd["schema_version"] == 1);
    CHECK(mmd["method"]["type"] == "mmd_autoencoder");
    CHECK(mmd["method"]["seed"] == 3);
    CHECK(mmd["method"]["params"]["hidden_dim"] == 128);
    CHECK(mmd["method"]["train"]["steps"] == 2);
    CHECK(mmd["dataset"]["params"]["batch_column"] == "batch");
    CHECK(mmd["files"][0]["name"] == "cells.csv");
    CHECK(mmd["files"][1]["path"] == run / "meta.csv");
    CHECK(mmd["cost"]["seconds"] > 0.0);
    CHECK(mmd["cost"]["memory_mb"] > 0.0);
    CHECK(mmd["cost"]["threads"] == 1);
    CHECK(mmd["skipped"].is_null());
    CHECK(points[2]["skipped"] == "known");
    CHECK(points[3]["cost"]["seconds"] > points[0]["cost"]["seconds"]);

    REQUIRE(run("run " + file + " --quiet --out " + run / "out").code == 0);
    std::size_t written = 0;
    for (const json& point : points) {
        for (const std::string name : point["outputs"]) {
            INFO(name);
            CHECK(std::filesystem::exists(run / "out/" + name));
            ++written;
        }
    }
    CHECK(written == 8);  // four point files, three embeddings, one model

    // the same point of another config has the same fingerprint, another metric gives another
    config["methods"].erase(1);
    config["name"] = "other";
    const auto fingerprint = [&] {
        return objects(run("plan --format json --only data.MMD " + run.directory.write("d.json", config.dump())).out)
            .at(0)["fingerprint"];
    };
    CHECK(fingerprint() == mmd["fingerprint"]);
    config["metrics"] = {"mean_shift"};
    CHECK(fingerprint() != mmd["fingerprint"]);
}

TEST_CASE("times of earlier results correct the costs of the plan", "[cli][plan]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    run.directory.write(
        "timings.csv",
        "point,stage,repeat,seconds,peak_rss_bytes\ndata.Harmony.n_iterations=3,load,0,100,1000\n"
        "data.Harmony.n_iterations=3,fit,0,40,900000000\ndata.Harmony.n_iterations=3,metrics,0,2,950000000\n"
        "data.Harmony.n_iter");
    const std::vector<json> plain = objects(run("plan --format json " + file).out);
    const std::vector<json> known =
        objects(run("plan --format json " + file + " --timings " + run / "timings.csv").out);
    CHECK(known[2]["cost"]["seconds"] == 42.0);
    CHECK(known[2]["cost"]["memory_mb"] == 950.0);
    CHECK(known[0]["cost"] == plain[0]["cost"]);
    // another point of the method costs as many times its estimate
    CHECK(known[1]["cost"]["seconds"] > 1000.0 * plain[1]["cost"]["seconds"].get<double>());
    CHECK(run("plan --format json " + file + " --timings " + run / "nothing").code == 2);
}

TEST_CASE("list, describe and validate --format json: one object a line", "[cli]") {
    const Scratch run;
    const std::vector<json> list = objects(run("list --format json").out);
    std::size_t methods = 0;
    for (const json& each : list) {
        CHECK_FALSE(each["summary"].get<std::string>().empty());
        const std::string name = each["name"];
        if (each["kind"] == "method") ++methods;
    }
    CHECK(objects(run("list methods --format json").out).size() == methods);
    REQUIRE(methods >= 12);

    const std::vector<json> described = objects(run("describe differentiable_harmony --format json").out);
    REQUIRE(described.size() == 1);
    CHECK(described[0]["kind"] == "method");
    CHECK(described[0]["parameters"][0]["name"] == "n_clusters");
    CHECK(described[0]["parameters"][0]["default"] == 100);
    CHECK(described[0]["parameters"][0]["schema"]["minimum"] == 1);
    CHECK_FALSE(described[0]["training"].empty());
    CHECK(described[0].contains("values"));
    CHECK(run("describe harmny --format json").code == 2);

    json wrong = small_config();
    wrong["methods"][1]["params"]["n_clusters"] = 0;
    wrong["metrics"] = {"mean_shft"};
    const std::string good = run.directory.write("good.json", small_config().dump());
    const std::string bad = run.directory.write("bad.json", wrong.dump());
    const std::string broken = run.directory.write("broken.json", "{\n  \"name\": }\n");
    const Output output = run("validate --format json " + good + " " + bad + " " + broken);
    CHECK(output.code == 2);
    CHECK(output.err.empty());
    const std::vector<json> files = objects(output.out);
    REQUIRE(files.size() == 3);
    CHECK(files[0]["valid"] == true);
    CHECK(files[0]["points"] == 3);
    CHECK(files[1]["valid"] == false);
    CHECK(files[1]["faults"].size() == 2);
    CHECK(files[1]["faults"][0]["pointer"] == "/methods/1/params/n_clusters");
    CHECK(files[2]["faults"].size() == 1);
    CHECK(contains(files[2]["faults"][0]["message"], "broken.json:2:11"));
}
