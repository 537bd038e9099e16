// The values per cell behind the metrics: written when they are asked for, kept as long as they stand.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

json config_with(bool per_cell, const std::vector<std::string>& metrics = {"ilisi", "ksim", "mean_shift"}) {
    return small_config({{"metrics", metrics}, {"outputs", {{"per_cell", per_cell}}}});
}

// The column `name` of a CSV without quotes.
std::vector<std::string> column(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    std::vector<std::string> values;
    std::size_t place = 0;
    for (std::string line; std::getline(lines, line);) {
        std::vector<std::string> fields;
        std::istringstream row(line + ",;");
        for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
        if (values.empty())
            place = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), name) - fields.begin());
        values.push_back(fields.at(place));
    }
    values.erase(values.begin());
    return values;
}

}  // namespace

TEST_CASE("values per cell stand beside the points that they explain", "[run][per_cell]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", config_with(true).dump());
    REQUIRE(run("run " + file + " --quiet --out " + run / "out").code == 0);
    const std::string text = contents(run / "out/per_cell/data.Uncorrected.csv");
    CHECK(text.substr(0, text.find('\n')) == "cell,batch,type,ilisi,ksim");
    const std::vector<std::string> cells = column(text, "cell"), ksim = column(text, "ksim");
    REQUIRE(cells.size() == 40);
    CHECK(cells.back() == "39");
    CHECK(column(text, "batch").back() == "1");
    const double sum = std::accumulate(ksim.begin(), ksim.end(), 0.0,
                                       [](double all, const std::string& value) { return all + std::stod(value); });
    const json point = json::parse(contents(run / "out/points/data.Uncorrected.json"));
    for (const json& row : point["metrics"]) {
        if (row["metric"] == "ksim") CHECK(sum / 40.0 == Approx(row["value"].get<double>()).epsilon(1e-12));
    }

    SECTION("shards, threads and the program's score give the same bytes") {
        std::string shards;
        for (const char* shard : {"1/2", "2/2"}) {
            const std::string directory = run / ("shard" + std::string(shard).substr(0, 1));
            shards += " " + directory;
            REQUIRE(run("run " + file + " --quiet --threads 3 --shard " + shard + " --out " + directory).code == 0);
        }
        const Output merged = run("merge" + shards + " --quiet --out " + run / "merged");
        INFO(merged.err);
        CHECK(merged.code == 0);
        CHECK(result_bytes(run / "merged") == result_bytes(run / "out"));
        CHECK(contains(run("plan --format json " + file).out, "per_cell/data.Uncorrected.csv"));
        // a shard that lost the file has no finished point
        fs::remove(run / "shard1/per_cell/data.Uncorrected.csv");
        fs::remove(run / "shard2/per_cell/data.Uncorrected.csv");
        CHECK(run("merge" + shards + " --quiet --out " + run / "again").code == 3);
    }
    SECTION("a finished run stands; what is missing is computed again") {
        CHECK(contains(run("run " + file + " --quiet --out " + run / "out").err, "3 from an earlier run"));
        fs::remove(run / "out/per_cell/data.Uncorrected.csv");
        CHECK(contains(run("run " + file + " --quiet --out " + run / "out").err, "2 from an earlier run"));
        CHECK(contents(run / "out/per_cell/data.Uncorrected.csv") == text);
    }
    SECTION("who asks for them no more has them no more") {
        const std::string without = run.directory.write("c.json", config_with(false).dump());
        REQUIRE(run("run " + without + " --quiet --out " + run / "out").code == 0);
        CHECK(files_in(run / "out/per_cell", ".csv") == 0);
        CHECK(files_in(run / "out/points", ".json") == 3);
    }
}

TEST_CASE("values per cell of cells that are kept need no new fit", "[run][per_cell]") {
    const Scratch run;
    json config = config_with(false);
    config["outputs"]["embeddings"] = true;
    REQUIRE(run("run " + run.directory.write("c.json", config.dump()) + " --quiet --out " + run / "out").code == 0);
    const std::string metrics = contents(run / "out/metrics.csv"), times = contents(run / "out/timings.csv");
    config["outputs"]["per_cell"] = true;
    REQUIRE(run("run " + run.directory.write("c.json", config.dump()) + " --quiet --out " + run / "out").code == 0);
    CHECK(files_in(run / "out/per_cell", ".csv") == 3);
    CHECK(contents(run / "out/metrics.csv") == metrics);
    CHECK(contents(run / "out/timings.csv") == times);  // nothing was fitted
}

TEST_CASE("a cell without a value has an empty field", "[run][per_cell]") {
    const Scratch run;
    std::string cells = "a,b\n", meta = "batch,type\n";
    for (int i = 0; i < 30; ++i) {
        cells += std::to_string(i * 7 % 11) + "," + std::to_string(i * i % 13) + "\n";
        meta += "b" + std::to_string(i % 2) + (i < 4 ? ",rare\n" : ",common\n");
    }
    run.directory.write("cells.csv", cells);
    run.directory.write("meta.csv", meta);
    const Output scored = run("score " + run / "cells.csv" + " " + run / "meta.csv" +
                              " --metrics cilisi --format csv --per-cell " + run / "values.csv");
    INFO(scored.err);
    REQUIRE(scored.code == 0);
    CHECK(contains(scored.out, "\ncilisi_means,"));
    const std::vector<std::string> values = column(contents(run / "values.csv"), "cilisi");
    REQUIRE(values.size() == 30);
    CHECK(values[3].empty());  // its type has fewer than 10 cells
    CHECK_FALSE(values[4].empty());
}
