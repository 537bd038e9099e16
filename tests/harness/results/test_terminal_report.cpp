// What a run prints: seeds as mean ± sd, many batches in short, and what is suspected of the labels.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

TEST_CASE("tables show mean ± sd over seeds, and each seed with --all", "[run][terminal]") {
    const Scratch run;
    const json source = small_config({{"methods",
                                       {{{"label", "Random"}, {"type", "mmd_autoencoder"}, {"seeds", {1, 2, 3}}},
                                        {{"label", "Uncorrected"}, {"type", "uncorrected"}}}},
                                      {"checks", {"gradient"}}});
    const std::string config = run.directory.write("config.json", source.dump());
    const Output in_short = run("run " + config + " --out " + run / "out");
    REQUIRE(in_short.code == 0);
    CHECK(contains(in_short.out, "Random (3 seeds)"));
    CHECK_FALSE(contains(in_short.out, "seed=2"));
    const Output all = run("run " + config + " --all --out " + run / "out");
    CHECK(contains(all.out, "Random seed=2"));
    CHECK_FALSE(contains(all.out, " ± "));
    // mean and standard deviation of the three values that stand there
    double sum = 0.0, squares = 0.0;
    for (int seed = 1; seed <= 3; ++seed) {
        const std::string id = "data.Random.seed=" + std::to_string(seed);
        const json point = json::parse(contents(run / ("out/points/" + id + ".json")));
        for (const json& row : point["metrics"]) {
            if (row["metric"] != "batch_mixing_entropy") continue;
            sum += row["value"].get<double>();
            squares += row["value"].get<double>() * row["value"].get<double>();
        }
    }
    char expected[64];
    std::snprintf(expected, sizeof expected, "%.4f ± %.4f", sum / 3, std::sqrt((squares - sum * sum / 3) / 2));
    CHECK(contains(in_short.out, expected));
}

TEST_CASE("a column of barcodes given as batches is told everywhere, and its tables stay narrow", "[run][terminal]") {
    const Scratch run;
    std::string cells = "PC1,PC2\n";
    std::string metadata = "barcode,donor\n";
    for (int i = 0; i < 60; ++i) {
        cells += std::to_string(i % 7) + "," + std::to_string(i % 11) + "\n";
        metadata += "cell" + std::to_string(i) + (i % 2 ? ",D1\n" : ",D2\n");
    }
    run.directory.write("cells.csv", cells);
    run.directory.write("meta.csv", metadata);
    const auto config_of = [&](const std::string& column) {
        json config = table_config();
        config["datasets"][0]["params"]["batch_column"] = column;
        config["methods"] = {{{"label", "Uncorrected"}, {"type", "uncorrected"}}};
        config["metrics"] = {"mean_shift"};
        return run.directory.write(column + ".json", config.dump());
    };
    const Output wrong = run("run " + config_of("barcode") + " --out " + run / "out");
    CHECK(wrong.code == 0);
    CHECK(contains(wrong.out, "Warning: column 'barcode' makes 60 batches of 60 cells"));
    CHECK(contains(wrong.out, "Warning: columns of meta.csv with fewer labels, which may be the batches: 'donor' (2)"));
    CHECK(contains(wrong.out, "60 labels: smallest 1 (cell0), median 1, largest 1 (cell59)"));
    CHECK(contains(wrong.out, "Each of the 60 batches: metrics.csv"));
    std::istringstream lines(wrong.out);
    for (std::string line; std::getline(lines, line);) {
        if (!contains(line, "Warning: ")) CHECK(line.size() < 120);
    }
    CHECK(contains(contents(run / "out/metrics.csv"), "batch_mean_59"));
    const json warnings = manifest_of(run / "out")["warnings"];
    REQUIRE(warnings.size() == 2);
    CHECK(warnings[0]["dataset"] == "data");

    const Output right = run("run " + config_of("donor") + " --out " + run / "right");
    CHECK(contains(right.out, "D2 30, D1 30"));
    CHECK_FALSE(contains(right.out, "Warning"));
    CHECK(manifest_of(run / "right")["warnings"].empty());
}
