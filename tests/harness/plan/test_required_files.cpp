// Files that a config names: found in two places and nowhere else, and looked for before anything runs.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

// The batches of six cells on two files, which the sweep may name.
json config_of_swept_tables() {
    json source = sweep_config(1);
    source["methods"] = {{{"label", "Uncorrected"}, {"type", "uncorrected"}}};
    source["datasets"] = {
        {{"label", "mine"}, {"type", "table"}, {"params", {{"metadata", "meta.csv"}, {"batch_column", "batch"}}}}};
    return source;
}

void write_table(const Scratch& run) {
    run.directory.write("cells.csv", "x,y\n1,2\n2,1\n0,1\n3,4\n4,3\n5,5\n");
    run.directory.write("meta.csv", "batch\na\na\na\nb\nb\nb\n");
}

}  // namespace

TEST_CASE("swept files that are missing end the run before it starts", "[cli][bad-input]") {
    const Scratch run;
    write_table(run);
    json source = config_of_swept_tables();
    const auto errors = [&](int code) {
        const Output output =
            run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + run / "out");
        CHECK(output.code == code);
        CHECK(fs::exists(run / "out") == (code == 0));
        return output.err;
    };
    source["datasets"][0]["sweep"]["grid"]["cells"] = {"cells.csv", "missing.csv"};
    std::string missing = errors(2);
    CHECK(contains(missing, "/datasets/0/sweep/grid/cells/1: data file missing.csv is neither beside the config"));
    CHECK(contains(missing, "README.md, section 'Real data'"));
    source["datasets"][0]["sweep"] = {
        {{"random", {{"n", 9}, {"params", {{"cells", {{"choice", {"gone.csv", "cells.csv"}}}}}}}}}};
    CHECK(contains(errors(2), "/datasets/0/sweep/0/random/params/cells/choice/0: data file gone.csv"));
    source["datasets"][0]["sweep"] = {{"zip", {{"cells", {"cells.csv"}}}}};
    source["methods"].push_back({{"label", "MMD"}, {"type", "mmd_autoencoder"}, {"train", json::object()}});
    source["methods"][1]["sweep"]["grid"]["train.load_model"] = {nullptr, "no.npz"};
    CHECK(contains(errors(2), "/methods/1/sweep/grid/train.load_model/1: model file no.npz"));
    source["methods"].erase(1);
    CHECK(errors(0) == "1 of 1 points ok; results in " + run / "out" + "\n");
}

TEST_CASE("data files are not looked for in the working directory", "[cli][bad-input]") {
    const Scratch run;
    write_table(run);
    json source = config_of_swept_tables();
    source["datasets"][0]["params"]["cells"] = "cells.csv";
    fs::create_directory(run / "configs");
    const std::string config = run.directory.write("configs/config.json", source.dump());
    const Output output = run("gradcheck " + config, "cd '" + run.path() + "' &&");
    CHECK(output.code != 0);
    CHECK(
        contains(output.out + output.err, "cells.csv is neither beside the config nor in the directory $BCBENCH_DATA"));
    CHECK(run("gradcheck " + config, "BCBENCH_DATA='" + run.path() + "'").code == 0);
}
