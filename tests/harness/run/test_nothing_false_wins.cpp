// What collapsed or diverged never looks best, and no order of the rows changes a value.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

const std::string source = BCBENCH_SOURCE_DIR;

std::map<std::string, json> rows_of_point(const Scratch& run, const std::string& point) {
    std::map<std::string, json> rows;
    const json record = json::parse(contents(run / (point + ".json")));
    for (const json& row : record["metrics"]) rows[row["metric"]] = row;
    return rows;
}

json table_of_uncorrected(const std::string& precision = "float64") {
    json config = table_config();
    config["precision"] = precision;
    config["methods"] = {{{"label", "Uncorrected"}, {"type", "uncorrected"}}};
    config["metrics"] = {"batch_mixing_entropy", "mixing_ceiling", "mean_shift", "mmd_unbiased",
                         "batch_variance_share"};
    return config;
}

// The rows of the uncorrected cells of a table.
std::map<std::string, json> scored(const Scratch& run, const std::string& name, const std::string& cells,
                                   const std::string& metadata) {
    std::filesystem::create_directory(run / name);
    run.directory.write(name + "/cells.csv", cells);
    run.directory.write(name + "/meta.csv", metadata);
    const std::string config = run.directory.write(name + "/config.json", table_of_uncorrected().dump());
    REQUIRE(run("run " + config + " --quiet --out " + run / name + "/out").code == 0);
    return rows_of_point(run, name + "/out/points/data.Uncorrected");
}

}  // namespace

TEST_CASE("equal cells have no mixing, in whatever order they stand", "[run]") {
    const Scratch run;
    for (const bool sorted : {true, false}) {
        std::string cells = "a,b\n", metadata = "batch\n";
        for (int i = 0; i < 60; ++i) {
            cells += "1,2\n";
            metadata += (sorted ? i < 30 : i % 2 == 0) ? "x\n" : "y\n";
        }
        auto rows = scored(run, sorted ? "sorted" : "alternating", cells, metadata);
        for (const char* metric : {"batch_mixing_entropy", "mixing_ceiling"}) {
            CHECK(rows[metric]["status"] == "not_applicable");
            CHECK(contains(rows[metric]["reason"], "there are no neighbourhoods: 100.0 % of all pairs of cells tie"));
        }
        CHECK(rows["tied_share"]["value"] == 1.0);
        CHECK(rows["mmd_unbiased"]["status"] == "not_applicable");
        CHECK(rows["batch_variance_share"]["reason"] == "all cells are equal");
    }
}

TEST_CASE("copies of cells are counted alike in every order, and said", "[run]") {
    const Scratch run;
    std::map<std::string, json> first;
    for (const int step : {1, 7, 53}) {
        std::string cells = "a,b\n", metadata = "batch\n";
        for (int place = 0; place < 90; ++place) {
            const int i = place * step % 90;
            cells += std::to_string(i % 6) + "," + std::to_string(i % 6 * (i % 6)) + "\n";  // six places of 15 cells
            metadata += (i * i % 7 < 3) ? "x\n" : "y\n";
        }
        auto rows = scored(run, "step" + std::to_string(step), cells, metadata);
        CHECK(rows["tied_share"]["value"] == 1.0);
        if (first.empty()) first = rows;
        CHECK(rows["batch_mixing_entropy"]["value"].get<double>() ==
              Approx(first["batch_mixing_entropy"]["value"].get<double>()).epsilon(1e-12));
        CHECK(rows["batch_mixing_entropy"]["value"].get<double>() > 0.5);
    }
    auto untied =
        scored(run, "untied", "a,b\n1,2\n3,1\n4,4\n7,5\n11,8\n16,1\n22,3\n29,2\n37,1\n46,7\n56,5\n67,3\n79,2\n",
               meta_csv(13, 2));
    CHECK(untied.count("tied_share") == 0);
}

TEST_CASE("metrics of the graph say when the order of the cells decides who is a neighbour", "[run]") {
    const Scratch run;
    const auto notes_of = [&](bool tied) {
        std::string cells = "a,b\n", metadata = "batch,kind\n";
        for (int i = 0; i < 120; ++i) {
            const int place = tied ? i / 40 : i;
            cells += std::to_string(place * place) + "," + std::to_string(place) + "\n";
            metadata += (i % 2 ? "x," : "y,") + std::to_string(i % 3) + "\n";
        }
        run.directory.write("cells.csv", cells);
        run.directory.write("meta.csv", metadata);
        json config = table_of_uncorrected();
        config["datasets"][0]["params"]["type_column"] = "kind";
        config["metrics"] = {"graph_connectivity", "sbee", "nmi_leiden", "type_purity"};
        const std::string file = run.directory.write("config.json", config.dump());
        REQUIRE(run("run " + file + " --fresh --quiet --out " + run / "out").code == 0);
        return json::parse(contents(run / "out/points/data.Uncorrected.json"))["outputs"].value("metric_notes", json());
    };
    CHECK(notes_of(false).is_null());
    const json notes = notes_of(true);
    REQUIRE(notes.size() == 3);
    CHECK(contains(notes[0], "graph_connectivity: 100.0 % of the cells have others that tie for the last of their"));
}

TEST_CASE("cells at a scale of 1e-200 are scored as at 1, and it is said", "[run]") {
    const Scratch run;
    const auto cells_times = [](const std::string& power) {
        std::string text = "a,b\n";
        for (int i = 0; i < 60; ++i) {
            text += std::to_string(i * 37 % 61) + "." + std::to_string(i * 11 % 53) + power + "," +
                    std::to_string(i * 23 % 59) + "." + std::to_string(i * 7 % 47) + power + "\n";
        }
        return text;
    };
    auto plain = scored(run, "plain", cells_times("e0"), meta_csv(60, 3));
    for (const char* power : {"e-200", "e-290", "e250"}) {
        auto scaled = scored(run, std::string("at") + power, cells_times(power), meta_csv(60, 3));
        for (const char* metric : {"batch_mixing_entropy", "mixing_ceiling", "mmd_unbiased", "batch_variance_share",
                                   "relative_mean_shift", "variance_left"}) {
            INFO(metric << " at " << power);  // decimal powers round, and part a few cells that tie
            CHECK(scaled[metric]["value"].get<double>() == Approx(plain[metric]["value"].get<double>()).epsilon(2e-3));
        }
        const json point =
            json::parse(contents(run / (std::string("at") + power + "/out/points/data.Uncorrected.json")));
        CHECK(contains(point["outputs"]["metric_notes"][0], "metrics are of the cells times 2^"));
    }
    CHECK(plain["batch_mixing_entropy"]["value"] > 0.5);
}

TEST_CASE("a training that ends worse than it began fails with both figures, and what collapsed is not ranked",
          "[run]") {
    const Scratch run;
    const std::string config = source + "/configs/negative_controls_diverged.json";
    const Output output = run("run " + config + " --quiet --out " + run / "out");
    CHECK(output.code == 3);
    const json diverged = json::parse(contents(run / "out/points/two_batch.MMD.train.learning_rate=1e+35.json"));
    CHECK(diverged["status"] == "failed");
    CHECK_THAT(diverged["reason"].get<std::string>(),
               Catch::Matches("training diverged: it ended worse than it began, with a loss of [0-9.]+e\\+67, from "
                              "2[0-9.]+ before the first step.*"));
    auto collapsed = rows_of_point(run, "out/points/two_batch.MMD.train.learning_rate=0.01");
    CHECK(collapsed["collapsed"]["value"] < 1e-4);
    CHECK(collapsed["tied_share"]["value"] > 0.5);
    CHECK(rows_of_point(run, "out/points/two_batch.MMD.train.learning_rate=0.001").count("collapsed") == 0);
    CHECK(rows_of_point(run, "out/points/two_batch.Uncorrected").count("collapsed") == 0);
    CHECK(contains(output.out, "Collapsed: MMD"));
    CHECK(contains(output.out, "it is not ranked"));
}

TEST_CASE("a point that has collapsed since is no better, whatever its values", "[run][compare]") {
    const Scratch run;
    json config = json::parse(contents(source + "/configs/negative_controls_diverged.json"));
    config["methods"] = json::array({config["methods"][1]});
    config["methods"][0].erase("sweep");
    config["methods"][0]["seed"] = 0;
    const auto at_rate = [&](double rate, const std::string& out) {
        config["methods"][0]["train"]["learning_rate"] = rate;
        const std::string file = run.directory.write(out + ".json", config.dump());
        REQUIRE(run("run " + file + " --quiet --out " + run / out).code == 0);
    };
    at_rate(0.001, "good");
    at_rate(0.01, "bad");
    const Output worse = run("compare " + run / "good" + " " + run / "bad");
    CHECK(worse.code != 0);
    CHECK(contains(worse.out, "the corrected cells have collapsed"));
    CHECK(!contains(worse.out, "better   "));
    const Output fixed = run("compare " + run / "bad" + " " + run / "good");
    CHECK(contains(fixed.out, "had collapsed"));
}

TEST_CASE("a loss that a swept parameter defines does not compare over the sweep", "[run]") {
    const Scratch run;
    const Output output = run("run " + source + "/configs/sweep_bandwidth.json --quiet --out " + run / "out");
    REQUIRE(output.code == 0);
    CHECK(contains(output.out, "mmd_loss is defined by kernel_bandwidth: its values do not compare over this sweep."));
    for (const auto& entry : std::filesystem::directory_iterator(run / "out/points")) {
        const json record = json::parse(contents(entry.path()));
        for (const json& row : record["metrics"]) {
            if (row["metric"] != "mmd_loss") continue;
            CHECK(row["direction"] == "info");
            CHECK(row["defined_by"] == "kernel_bandwidth");
        }
    }
}

TEST_CASE("trainings of real cells with far too large steps leave nothing that is ranked", "[run][data]") {
    if (std::getenv("BCBENCH_DATA") == nullptr) {
        WARN("skipped: set BCBENCH_DATA to the folder with pbmc_3500_*.tsv.gz");
        return;
    }
    const Scratch run;
    run("run " + source + "/configs/negative_controls_pbmc_3500.json --quiet --jobs 2 --out " + run / "out");
    for (const char* rate : {"3", "5", "10"}) {
        const std::string id = std::string("pbmc_3500.MMD.train.learning_rate=") + rate;
        const json point = json::parse(contents(run / ("out/points/" + id + ".json")));
        const bool collapsed = rows_of_point(run, "out/points/" + id).count("collapsed") == 1;
        INFO(id << ": " << point["reason"]);
        CHECK((point["status"] == "failed" || collapsed));
    }
    auto good = rows_of_point(run, "out/points/pbmc_3500.MMD.train.learning_rate=0.001");
    auto before = rows_of_point(run, "out/points/pbmc_3500.Uncorrected");
    CHECK(good.count("collapsed") == 0);
    CHECK(good["mmd_unbiased"]["value"] < before["mmd_unbiased"]["value"]);
}
