// What a run keeps apart: the fit from its scores and from what looks on, a point from its seeds.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/compare/compare.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/results/reader.hpp"
#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

json trained_config(const json& patch = json::object()) {
    json config = {{"schema_version", 1},
                   {"name", "trained"},
                   {"datasets", {{{"label", "data"}, {"type", "gaussian_batches"}}}},
                   {"methods",
                    {{{"label", "Uncorrected"}, {"type", "uncorrected"}},
                     {{"label", "MMD"},
                      {"type", "mmd_autoencoder"},
                      {"params", {{"hidden_dim", 8}, {"latent_dim", 4}}},
                      {"train", {{"steps", 20}, {"trace_every", 5}, {"holdout_fraction", 0.2}}}}}},
                   {"metrics", {"mean_shift"}},
                   {"outputs", {{"embeddings", true}}}};
    config.merge_patch(patch);
    return config;
}

std::vector<std::string> rows_with(const std::string& text, const std::string& part) {
    std::vector<std::string> rows;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (contains(line, part)) rows.push_back(line);
    return rows;
}

}  // namespace

TEST_CASE("a new metric scores the cells that are there: nothing is fitted again", "[run]") {
    for (const char* precision : {"float64", "float32"}) {
        const Scratch run;
        const json more = {{"precision", precision},
                           {"metrics", {"mean_shift", "batch_mixing_entropy", "type_purity"}}};
        const std::string one = run.directory.write("one.json", trained_config({{"precision", precision}}).dump());
        const std::string three = run.directory.write("three.json", trained_config(more).dump());
        REQUIRE(run("run " + one + " --quiet --out " + run / "out").code == 0);
        const auto fits = rows_with(contents(run / "out/timings.csv"), ",fit,");
        REQUIRE(fits.size() == 2);
        REQUIRE(run("run " + three + " --quiet --out " + run / "out").code == 0);
        CHECK(rows_with(contents(run / "out/timings.csv"), ",fit,") == fits);  // times never repeat to the digit
        REQUIRE(run("run " + three + " --quiet --fresh --out " + run / "fresh").code == 0);
        CHECK(contents(run / "out/metrics.csv") == contents(run / "fresh/metrics.csv"));
        CHECK(contents(run / "out/points/data.MMD.json") == contents(run / "fresh/points/data.MMD.json"));
        CHECK(rows_with(contents(run / "out/metrics.csv"), "holdout_type_purity").size() == 1);
    }
}

TEST_CASE("without the cells, or with another fit, a point is run again", "[run]") {
    const Scratch run;
    const json no_cells = {{"outputs", {{"embeddings", false}}}};
    const std::string one = run.directory.write("one.json", trained_config(no_cells).dump());
    REQUIRE(run("run " + one + " --quiet --out " + run / "out").code == 0);
    const auto fits = rows_with(contents(run / "out/timings.csv"), ",fit,");
    json more = no_cells;
    more["metrics"] = {"mean_shift", "type_purity"};
    const std::string two = run.directory.write("two.json", trained_config(more).dump());
    REQUIRE(run("run " + two + " --quiet --out " + run / "out").code == 0);
    const auto again = rows_with(contents(run / "out/timings.csv"), ",fit,");
    REQUIRE(again.size() == 2);
    CHECK(again[0] != fits[0]);
    CHECK(again[1] != fits[1]);
}

TEST_CASE("looking at a training is a stage of its own, and changes nothing in it", "[run]") {
    const Scratch run;
    const std::string often = run.directory.write("often.json", trained_config().dump());
    const std::string times_of_all = [&] {
        REQUIRE(run("run " + often + " --quiet --out " + run / "often").code == 0);
        return contents(run / "often/timings.csv");
    }();
    CHECK(rows_with(times_of_all, "data.MMD,trace,").size() == 1);
    CHECK(rows_with(times_of_all, "data.Uncorrected,trace,").empty());
    json rarely = trained_config();
    rarely["methods"][1]["train"]["trace_every"] = 20;
    REQUIRE(run("run " + run.directory.write("rarely.json", rarely.dump()) + " --quiet --out " + run / "rarely").code ==
            0);
    CHECK(contents(run / "often/embeddings/data.MMD.npy") == contents(run / "rarely/embeddings/data.MMD.npy"));
    const auto traces = [&](const std::string& directory) {
        return json::parse(contents(run / (directory + "/points/data.MMD.json")))["traces"];
    };
    CHECK(traces("often")["step"] == json{1, 5, 10, 15, 20});
    CHECK(traces("rarely")["step"] == json{1, 20});
    CHECK(traces("often")["loss"].back() == traces("rarely")["loss"].back());
}

TEST_CASE("embeddings are in the precision of the run", "[run]") {
    const Scratch run;
    for (const auto& [precision, description] : {std::pair("float32", "'<f4'"), std::pair("float64", "'<f8'")}) {
        const std::string config =
            run.directory.write("config.json", trained_config({{"precision", precision}}).dump());
        REQUIRE(run("run " + config + " --quiet --out " + run / precision).code == 0);
        const std::string bytes = contents(run / (std::string(precision) + "/embeddings/data.MMD.npy"));
        CHECK(contains(bytes.substr(0, 128), description));
        CHECK(contains(bytes.substr(0, 128), "(100, 30)"));
    }
}

TEST_CASE("seeds belong together however long the id of their points is", "[plan][compare]") {
    json config = trained_config();
    config["datasets"][0]["label"] = std::string(80, 'd');
    config["methods"] = {{{"label", std::string(80, 'm')},
                          {"type", "differentiable_harmony"},
                          {"seeds", {0, 1, 2}},
                          {"sweep", {{"grid", {{"n_iterations", {1, 2}}, {"temperature", {1.25, 2.125}}}}}}}};
    const Plan plan(make_config(OrderedJson::parse(config.dump()), "config.json", catalog()), catalog());
    std::map<std::string, std::set<std::string>> groups;
    for (std::uint64_t i = 0; i < plan.size(); ++i) groups[plan.at(i).group].insert(plan.at(i).id);
    REQUIRE(groups.size() == 4);
    for (const auto& [group, ids] : groups) CHECK(ids.size() == 3);
    CHECK(plan.at(0).swept["method"] == nlohmann::ordered_json({{"n_iterations", 1}, {"temperature", 1.25}}));
}

TEST_CASE("a long id does not make the seeds of a comparison judges of their own", "[compare]") {
    const Scratch run;
    json config = trained_config({{"outputs", {{"embeddings", false}}}});
    config["datasets"][0]["label"] = std::string(80, 'd');
    config["methods"] = {{{"label", std::string(80, 'm')},
                          {"type", "differentiable_harmony"},
                          {"seeds", {0, 1, 2}},
                          {"params", {{"n_clusters", 5}}},
                          {"sweep", {{"grid", {{"temperature", {1.25}}, {"n_iterations", {1}}}}}}}};
    REQUIRE(run("run " + run.directory.write("c.json", config.dump()) + " --quiet --out " + run / "a").code == 0);
    REQUIRE(run("run " + run.directory.write("c.json", config.dump()) + " --quiet --out " + run / "b").code == 0);
    const CompareReport report = compare_results(read_results(run / "a"), read_results(run / "b"), {});
    CHECK(report.seeds.size() > 0);
}
