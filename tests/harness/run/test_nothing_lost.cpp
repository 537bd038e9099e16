// Nothing of the user's is written over, no picture fails a point, no alarm without a cause.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

TEST_CASE("a directory with files of somebody else is refused, and left as it is", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", small_config().dump());
    for (const char* name : {"metrics.csv", "manifest.json", "notes.txt"}) {
        const std::string out = run / (std::string("of_") + name);
        std::filesystem::create_directory(out);
        const std::string file = run.directory.write(std::string("of_") + name + "/" + name, "{\"mine\": 1}\n");
        const Output output = run("run " + config + " --quiet --out " + out);
        CHECK(output.code == 2);
        CHECK(contains(output.err, "choose another directory with --out"));
        CHECK(contents(file) == "{\"mine\": 1}\n");
    }
    std::filesystem::create_directory(run / "empty");
    CHECK(run("run " + config + " --quiet --out " + run / "empty").code == 0);
    run.directory.write("empty/notes.txt", "beside results");
    CHECK(run("run " + config + " --quiet --out " + run / "empty").code == 0);
    std::filesystem::create_directories(run / "killed/points");  // by a kill before the manifest
    CHECK(run("run " + config + " --quiet --out " + run / "killed").code == 0);
}

TEST_CASE("a column that the metadata do not have is told before a run, once", "[run][cli]") {
    const Scratch run;
    json config = table_config();
    config["datasets"][0]["params"]["batch_column"] = "bacth";
    const std::string file = run.directory.write("config.json", config.dump());
    CHECK(run("validate " + file).code == 0);  // the files are not there yet
    run.directory.write("cells.csv", cells_csv(30));
    run.directory.write("meta.csv", meta_csv(30, 2));
    for (const char* command : {"validate ", "run --quiet "}) {
        const Output output = run(command + file);
        CHECK(output.code == 2);
        CHECK(contains(output.err, "/datasets/0/params: "));
        CHECK(contains(output.err, "there is no column 'bacth' (did you mean 'batch'?)"));
        CHECK(output.err.find("bacth") == output.err.rfind("bacth"));
    }
}

TEST_CASE("values too large for a picture fail no point", "[run]") {
    const Scratch run;
    std::string cells = cells_csv(30);
    cells += "1e200,1\n";
    run.directory.write("cells.csv", cells);
    run.directory.write("meta.csv", meta_csv(31, 2));
    json config = table_config();
    config["methods"] = {{{"label", "Uncorrected"}, {"type", "uncorrected"}}};
    config["metrics"] = {"mean_shift"};
    REQUIRE(run("run " + run.directory.write("config.json", config.dump()) + " --quiet --out " + run / "out").code ==
            0);
    const json point = json::parse(contents(run / "out/points/data.Uncorrected.json"));
    CHECK(point["status"] == "ok");
    CHECK(contains(point["outputs"]["projection_missing"], "principal components"));
    CHECK(point["projection"]["pc1"].empty());
}

TEST_CASE("points that were not selected are not missing, and another config is compared with nothing", "[run][cli]") {
    const Scratch run;
    const std::string documented = std::string(BCBENCH_SOURCE_DIR) + "/configs/documented.json";
    const Output part = run("run " + documented + " --only '*Uncorrected*' --quiet --out " + run / "part");
    CHECK(part.code == 0);
    CHECK_FALSE(contains(part.out, "MISSING"));
    CHECK(contains(part.out, "Documented against reproduced"));
    const Output changed =
        run("run " + documented + " --only '*MMD*' --set methods.MMD.seed=3 --quiet --out " + run / "changed");
    CHECK(changed.code == 0);
    CHECK_FALSE(contains(changed.out, "DIFFERENT"));
    CHECK(contains(changed.err, "nothing is compared"));
}
