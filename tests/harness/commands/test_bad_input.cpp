// Bad input as a user meets it: the exit code, the message, and nothing half-written.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench::testing;

namespace fs = std::filesystem;

TEST_CASE("a selection of nothing is an error, not a success", "[cli][bad-input]") {
    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    for (const char* command : {"run", "plan", "gradcheck"}) {
        const Output output = run(std::string(command) + " " + config + " --only 'data.Harmoni*'" +
                                  (command == std::string("run") ? " --out " + run.path() + "out" : ""));
        INFO(command);
        CHECK(output.code == 2);
        CHECK(contains(output.err, "has no point that --only 'data.Harmoni*' selects"));
    }
    CHECK_FALSE(fs::exists(run.path() + "out/metrics.csv"));
}

TEST_CASE("a faulty file of expected values is told with its place", "[cli][bad-input]") {
    const Scratch run;
    const nlohmann::json value = {
        {"section", "s"}, {"point", "p"}, {"metric", "m"}, {"printed", "1"}, {"last_digit", "yes"}};
    run.directory.write("e.json", nlohmann::json{{"values", {value}}}.dump());
    const Output output =
        run("validate " + run.directory.write("c.json", small_config({{"expected", "e.json"}}).dump()));
    CHECK(output.code == 2);
    CHECK(contains(output.err, "/values/0/last_digit: must be true or false"));
}

TEST_CASE("metadata that is no UTF-8 fails the points of its dataset, the others go on", "[cli][bad-input]") {
    const Scratch run;
    run.directory.write("cells.csv", "a,b\n1,2\n3,4\n");
    run.directory.write("meta.csv", "donor\nM\xfcller\nMeier\n");
    nlohmann::json config = small_config();
    config["datasets"].push_back(
        {{"label", "latin"},
         {"type", "table"},
         {"params", {{"cells", "cells.csv"}, {"metadata", "meta.csv"}, {"batch_column", "donor"}}}});
    const Output output = run("run " + run.directory.write("c.json", config.dump()) + " --out " + run.path() + "out");
    CHECK(output.code == 3);
    CHECK(contains(output.err, "3 of 6 points ok"));
    CHECK(contains(contents(run.path() + "out/manifest.json"), "is no UTF-8 text"));
}

TEST_CASE("config faults end with exit code 2 and leave nothing", "[cli][bad-input]") {
    const Scratch run;
    struct Fault {
        nlohmann::json config;
        std::string message;
    };
    nlohmann::json unknown_parameter = small_config();
    unknown_parameter["methods"][1]["params"]["n_cluster"] = 3;
    nlohmann::json wrong_type = small_config();
    wrong_type["methods"][1]["params"]["n_clusters"] = "many";
    nlohmann::json out_of_range = small_config();
    out_of_range["methods"][1]["params"]["sigma"] = 0;
    nlohmann::json empty_sweep = small_config();
    empty_sweep["methods"][1]["sweep"]["grid"]["n_iterations"] = nlohmann::json::array();
    nlohmann::json duplicate = small_config();
    duplicate["methods"][1]["label"] = "Uncorrected";
    const std::vector<Fault> faults = {
        {small_config({{"metric", {"mean_shift"}}}), "metrics"},
        {unknown_parameter, "n_clusters"},
        {wrong_type, "/methods/1/params/n_clusters"},
        {out_of_range, "/methods/1/params/sigma"},
        {empty_sweep, "/methods/1/sweep/grid/n_iterations"},
        {duplicate, "/methods/1/label"},
        {small_config({{"precision", "float16"}}), "/precision"},
        {small_config({{"datasets", nlohmann::json::array()}}), "/datasets"},
        {small_config({{"expected", "absent.json"}}), "absent.json"},
        {table_config(), "BCBENCH_DATA"},
    };
    for (const Fault& fault : faults) {
        const std::string config = run.directory.write("c.json", fault.config.dump());
        const Output output = run("run " + config + " --out " + run.path() + "out");
        INFO(output.err);
        REQUIRE(output.code == 2);
        REQUIRE(contains(output.err, fault.message));
        REQUIRE(output.out.empty());
        REQUIRE_FALSE(fs::exists(run.path() + "out"));
    }
    REQUIRE(run("run " + run.path() + "absent.json").code == 2);
    REQUIRE(run("run").code == 2);
    REQUIRE(run("frobnicate").code == 2);
    REQUIRE(run("describe harmoni").code == 2);
}

TEST_CASE("bad data makes failed points with their reason, exit code 3", "[cli][bad-input]") {
    struct Bad {
        std::string cells, meta, message, precision = "float64";
    };
    const std::vector<Bad> cases = {
        {"a,b\n1,2\n3\n", meta_csv(2, 2), "cells.csv:3"},      // ragged
        {"a,b\n1,2\n3,x\n", meta_csv(2, 2), "column 2"},       // no number
        {"a,b\n1,2\n3,nan\n", meta_csv(2, 2), "cells.csv:3"},  // NaN
        {"a,b\n1,2\n3,inf\n", meta_csv(2, 2), "cells.csv:3"},  // infinity
        {"a,b\n", "batch\n", "cells.csv"},                     // no cells
        {cells_csv(12), meta_csv(11, 2), "meta.csv"},          // metadata of another length
        {"a,b\n1,2\n3,1e300\n", meta_csv(2, 2), "precision of the run, has the value inf at cell 1, dimension 1",
         "float32"},
    };
    for (const Bad& bad : cases) {
        const Scratch run;
        run.directory.write("cells.csv", bad.cells);
        run.directory.write("meta.csv", bad.meta);
        auto bad_config = table_config();
        bad_config["precision"] = bad.precision;
        const std::string config = run.directory.write("c.json", bad_config.dump());
        const Output output = run("run " + config + " --out " + run.path() + "out --quiet");
        INFO(bad.message << "\n" << output.out << output.err);
        REQUIRE(output.code == 3);
        REQUIRE(contains(output.out, bad.message));
        const std::string metrics = contents(run.path() + "out/metrics.csv");
        REQUIRE(contains(metrics, "batch_mixing_entropy,,higher,failed"));
        REQUIRE_FALSE(contains(metrics, "nan"));
        REQUIRE(nlohmann::json::parse(contents(run.path() + "out/manifest.json"))["counts"]["failed"] == 3);
    }
}

TEST_CASE("a failed point has the rows of one that is ok, but for means and ties that it may not know",
          "[cli][bad-input]") {
    const Scratch run;
    nlohmann::json source = table_config();
    source["precision"] = "float32";
    source["methods"] = {{{"label", "U"}, {"type", "uncorrected"}},
                         {{"label", "H"}, {"type", "differentiable_harmony"}, {"params", {{"n_clusters", 3}}}},
                         {{"label", "M"}, {"type", "mmd_autoencoder"}},
                         {{"label", "W"}, {"type", "wgan_autoencoder"}}};
    source["metrics"] = {"batch_mixing_entropy", "mean_shift", "type_purity", "mixing_ceiling"};
    source["checks"] = {"gradient", "optimized_matches_reference"};
    const std::string config = run.directory.write("c.json", source.dump());
    run.directory.write("meta.csv", meta_csv(30, 2));
    // the names of the rows in order, each with its point and direction
    const auto rows_with = [&](const std::string& cells, const std::string& out) {
        run.directory.write("cells.csv", cells);
        run("run " + config + " --quiet --out " + run / out);
        std::istringstream lines(contents(run / out + "/metrics.csv"));
        std::vector<std::string> rows;
        for (std::string line; std::getline(lines, line);) {
            if (contains(line, ",batch_mean_") || contains(line, ",tied_share,")) continue;
            const std::size_t name = line.find("float32,") + 8;
            const std::size_t value = line.find(',', name);
            const std::size_t direction = line.find(',', value + 1);
            rows.push_back(line.substr(0, value) + line.substr(direction, line.rfind(',') - direction));
        }
        return rows;
    };
    const std::vector<std::string> ok = rows_with(cells_csv(30), "ok");
    REQUIRE(manifest_of(run / "ok")["counts"]["ok"] == 4);
    const std::vector<std::string> failed = rows_with(cells_csv(29) + "3,1e300\n", "failed");
    REQUIRE(manifest_of(run / "failed")["counts"]["failed"] == 4);
    REQUIRE(ok.size() > 4 * 12);
    CHECK(std::is_permutation(ok.begin(), ok.end(), failed.begin(), failed.end()));
}

TEST_CASE("a results directory that cannot be made is a clear error", "[cli][bad-input]") {
    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    run.directory.write("file", "");
    const Output output = run("run " + config + " --out " + run.path() + "file/out --quiet");
    REQUIRE(output.code == 2);
    REQUIRE(contains(output.err, "cannot create"));
}

TEST_CASE("writes that fail leave no half file", "[cli][bad-input]") {
    const Scratch run;
    const std::string config = run.directory.write(
        "c.json",
        small_config({{"datasets",
                       {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 2000}}}}}}})
            .dump());
    // files may grow to 8 KiB: the manifest fits, a point file does not
    const Output output = run("run " + config + " --out " + run.path() + "out --quiet", "ulimit -f 16; trap '' XFSZ;");
    INFO(output.err);
    REQUIRE(output.code != 0);
    REQUIRE(contains(output.err, "cannot write"));
    for (const auto& entry : fs::recursive_directory_iterator(run.path() + "out")) {
        REQUIRE(entry.path().filename().string().rfind(".writing", 0) != 0);
        REQUIRE(entry.path().parent_path().filename() != "points");
    }
}
