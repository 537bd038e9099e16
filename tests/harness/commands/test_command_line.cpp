// The program as a user calls it: results, exit codes, messages, files.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench::testing;

namespace fs = std::filesystem;

static const std::string source = BCBENCH_SOURCE_DIR;

TEST_CASE("the documented run reproduces every documented value", "[cli][golden]") {
    const Scratch run;
    const Output output = run("run " + source + "/configs/documented.json --out " + run.path() + "out --quiet");
    INFO(output.out << output.err);
    REQUIRE(output.code == 0);
    const std::string expected = contents(run.path() + "out/expected.csv");
    const auto lines = std::count(expected.begin(), expected.end(), '\n') - 1;
    const nlohmann::json documented = nlohmann::json::parse(contents(source + "/configs/documented.expected.json"));
    REQUIRE(lines == static_cast<long>(documented["values"].size()));
    REQUIRE(lines >= 48);
    REQUIRE_FALSE(contains(expected, ",no\n"));
    REQUIRE_FALSE(contains(expected, ",missing\n"));
    REQUIRE(contains(output.out, "Documented against reproduced"));
    REQUIRE(nlohmann::json::parse(contents(run.path() + "out/manifest.json"))["status"] == "complete");
}

// On another kind of machine OpenBLAS and the vector code add in another order. A sum of n <= 10,000 products is then
// off by at most n * 1.1e-16 = 1e-12 of its terms, and the values compared here are means and roots of means of such
// sums that keep at least three digits of them: within compare's default tolerance of 1e-9. tf32 rounds operands that
// are the same on every machine up to such errors; one that changes its rounding needs a tie to 1e-13. Seen with the
// OpenBLAS kernels for Prescott, Nehalem, Sandybridge, Haswell, Zen and SkylakeX: at most 1.2e-14.
TEST_CASE("the committed baseline stands", "[cli][golden]") {
    const Scratch run;
    for (const char* name : {"documented", "documented_float64", "sweep_n_iterations", "sweep_bandwidth"}) {
        const std::string out = run.path() + name;
        REQUIRE(run("run " + source + "/configs/" + name + ".json --out " + out + " --quiet").code == 0);
        const Output comparison = run("compare " + source + "/results/baseline/" + name + " " + out + " --format json");
        INFO(name << "\n" << comparison.out << comparison.err);
        CHECK(comparison.code == 0);
        const nlohmann::json counts = nlohmann::json::parse(comparison.out)["counts"];
        std::size_t unmoved = 0;
        std::size_t moved = 0;
        for (const auto& [status, count] : counts.items()) {
            const bool equal = status == "same" || status == "within tolerance";
            (equal ? unmoved : moved) += count.get<std::size_t>();
        }
        CHECK(unmoved > 5);
        CHECK(moved == 0);  // better or new is no regression, but then the baseline is to be written anew
    }
}

TEST_CASE("results are byte-identical for any number of threads and jobs, and from run to run", "[cli]") {
    const Scratch run;
    const std::string config = run.directory.write(
        "c.json",
        small_config({{"datasets",
                       {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 700}}}}}},
                      {"checks", {"optimized_matches_reference"}},
                      {"methods",
                       {{{"label", "U"}, {"type", "uncorrected"}},
                        {{"label", "H"}, {"type", "differentiable_harmony"}},
                        {{"label", "M"}, {"type", "mmd_autoencoder"}},
                        {{"label", "W"}, {"type", "wgan_autoencoder"}}}}})
            .dump());
    std::string metrics, projections, point;
    for (const char* flags :
         {"--threads 1", "--threads 1", "--threads 2", "--threads 8", "--threads 8 --jobs 4", "--jobs 2 --threads 1"}) {
        const Output output = run("run " + config + " --fresh --quiet --out " + run.path() + "out " + flags);
        INFO(flags << output.err);
        REQUIRE(output.code == 0);
        if (metrics.empty()) {
            metrics = contents(run.path() + "out/metrics.csv");
            projections = contents(run.path() + "out/projections.csv");
            point = contents(run.path() + "out/points/data.M.json");
            REQUIRE(contains(metrics, "batch_mixing_entropy"));
            REQUIRE(point.size() > 100);
        }
        REQUIRE(contents(run.path() + "out/metrics.csv") == metrics);
        REQUIRE(contents(run.path() + "out/projections.csv") == projections);
        REQUIRE(contents(run.path() + "out/points/data.M.json") == point);
    }
}

TEST_CASE("every precision runs every method", "[cli]") {
    const Scratch run;
    for (const char* precision : {"float32", "float64", "tf32"}) {
        const std::string config = run.directory.write(
            "c.json", small_config({{"precision", precision}, {"checks", {"optimized_matches_reference"}}}).dump());
        const Output output = run("run " + config + " --quiet --out " + run.path() + precision);
        INFO(output.out << output.err);
        REQUIRE(output.code == 0);
        REQUIRE(contains(contents(run.path() + precision + "/metrics.csv"), std::string(",") + precision + ","));
    }
}

TEST_CASE("plan prints exactly the points that run executes", "[cli]") {
    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    std::istringstream plan(run("plan " + config).out);
    REQUIRE(run("run " + config + " --quiet --out " + run.path() + "out").code == 0);
    std::size_t points = 0;
    for (std::string line; std::getline(plan, line); ++points) {
        REQUIRE(fs::exists(run.path() + "out/points/" + line.substr(0, line.find('\t')) + ".json"));
    }
    REQUIRE(points == 3);
}

TEST_CASE("plan prints everything that decides a point", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["datasets"][0]["sweep"] = {{"grid", {{"noise_sd", {0.5, 1.0}}}}};
    const std::string plan = run("plan " + run.directory.write("c.json", config.dump())).out;
    CHECK(contains(plan, "data.noise_sd=1.Harmony.n_iterations=3\tHarmony\t{\"n_clusters\":5,\"n_iterations\":3,"));
    CHECK(contains(plan, "\tdata\t{"));
    CHECK(contains(plan, "\"noise_sd\":1.0"));
}

TEST_CASE("an exclusion matches the id itself, brackets and all", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["datasets"][0]["sweep"] = {{"grid", {{"batch_shifts", {{0, 3}, {0, 1}}}}}};
    config["exclude"] = {{{"match", "data.batch_shifts=[0,3].Uncorrected"}, {"reason", "known"}}};
    const std::string plan = run("plan " + run.directory.write("c.json", config.dump())).out;
    CHECK(plan.find("skipped: known") != std::string::npos);
    CHECK(plan.find("skipped: known") == plan.rfind("skipped: known"));
}

TEST_CASE("a sweep in parts shows the parameters of every part", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["methods"][1].erase("params");
    config["methods"][1]["sweep"] =
        nlohmann::json::array({{{"grid", {{"sigma", {0.2, 0.3}}}}}, {{"grid", {{"n_clusters", {6, 7}}}}}});
    const Output output = run("run " + run.directory.write("c.json", config.dump()) + " --out " + run.path() + "out");
    REQUIRE(output.code == 0);
    CHECK(contains(output.out, "n_clusters  sigma  batch_mixing_entropy"));
    CHECK(contains(output.out, "  100           0.2 "));  // and the default where a part does not sweep it
    CHECK(contains(output.out, "  7             0.1 "));
}

TEST_CASE("a row of the first tables says which swept point it is, unless that has the defaults", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["methods"][1]["sweep"] = {{"grid", {{"n_iterations", {1, 10}}}}};
    const std::string command =
        "run " + run.directory.write("c.json", config.dump()) + " --fresh --out " + run.path() + "out";
    CHECK(contains(run(command).out, "\n  Harmony      "));  // 10 is the default
    const Output one = run(command + " --only '*n_iterations=1'");
    CHECK(contains(one.out, "Batch mixing"));
    CHECK(contains(one.out, "\n  Harmony n_iterations=1  "));
    config["methods"][1]["sweep"] = {{"grid", {{"n_iterations", {1, 3}}}}};
    run.directory.write("c.json", config.dump());
    CHECK(contains(run(command).out, "\n  Harmony n_iterations=1  "));
}

TEST_CASE("a sweep of the training shows what its parts do not sweep", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["methods"] = {
        {{"label", "M"},
         {"type", "mmd_autoencoder"},
         {"params", {{"hidden_dim", 8}, {"latent_dim", 4}}},
         {"train", {{"steps", 2}}},
         {"sweep", {{{"grid", {{"train.learning_rate", {0.01, 0.02}}}}}, {{"grid", {{"train.mmd_weight", {1, 2}}}}}}}}};
    const Output output = run("run " + run.directory.write("c.json", config.dump()) + " --out " + run.path() + "out");
    REQUIRE(output.code == 0);
    CHECK(contains(output.out, "  0.01                               10  "));
    CHECK(contains(output.out, "  0.001                               2  "));
}

TEST_CASE("a part of the documented run with a wrong value is a regression, not a success", "[cli][golden]") {
    const Scratch run;
    nlohmann::json config = nlohmann::json::parse(contents(source + "/configs/documented.json"));
    config["expected"] = source + "/configs/documented.expected.json";
    const auto code_of = [&](const std::string& name) {
        const std::string file = run.directory.write(name + ".json", config.dump());
        return run("run " + file + " --quiet --only '*WGAN*' --out " + run / name).code;
    };
    CHECK(code_of("right") == 0);
    for (nlohmann::json& method : config["methods"]) {
        if (method["label"] == "WGAN") method["seed"] = 7;
    }
    CHECK(code_of("wrong") == 1);
}

TEST_CASE("output that cannot be written is no success", "[cli]") {
    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    for (const std::string& command : {std::string("list"), std::string("schema"), "plan " + config}) {
        INFO(command);
        CHECK(std::system((BCBENCH_PROGRAM " " + command + " >/dev/full 2>/dev/null").c_str()) != 0);
    }
}

TEST_CASE("a sweep over seeds and data shows which row is which", "[cli]") {
    const Scratch run;
    nlohmann::json config = small_config();
    config["datasets"][0]["sweep"] = {{"grid", {{"noise_sd", {0.5, 1.0}}}}};
    config["methods"][1]["seeds"] = {3, 4};
    const std::string command = "run " + run.directory.write("c.json", config.dump()) + " --out " + run.path() + "out";
    const Output output = run(command);
    REQUIRE(output.code == 0);
    CHECK(contains(output.out, "data noise_sd=0.5"));
    CHECK(contains(output.out, "data noise_sd=1"));
    CHECK(contains(output.out, "n_iterations  seeds  batch_mixing_entropy"));
    CHECK(contains(run(command + " --all").out, "n_iterations  seed  batch_mixing_entropy"));
}

TEST_CASE("a finished point is resumed, a changed one computed again", "[cli]") {
    const Scratch run;
    const std::string out = " --out " + run.path() + "out";
    std::string config = run.directory.write("c.json", small_config().dump());
    REQUIRE(contains(run("run " + config + out).err, "[1/3] ok"));
    const std::string metrics = contents(run.path() + "out/metrics.csv");
    REQUIRE(contains(run("run " + config + out).err, "3 from an earlier run"));
    REQUIRE(contents(run.path() + "out/metrics.csv") == metrics);
    REQUIRE(contains(run("run " + config + out + " --fresh").err, "[1/3] ok"));
    const Output changed = run("run " + config + out + " --set methods.Harmony.params.sigma=0.2");
    REQUIRE(contains(changed.err, "resumed data.Uncorrected"));
    REQUIRE(contains(changed.err, "ok data.Harmony.n_iterations=1"));
    REQUIRE(contents(run.path() + "out/metrics.csv") != metrics);
}

TEST_CASE("a damaged point file is computed again", "[cli]") {
    const Scratch run;
    const std::string config = run.directory.write("c.json", small_config().dump());
    const std::string command = "run " + config + " --out " + run.path() + "out";
    REQUIRE(run(command).code == 0);
    const std::string point = run.path() + "out/points/data.Uncorrected.json";
    const std::string intact = contents(point);
    run.directory.write("out/points/data.Uncorrected.json", intact.substr(0, intact.size() / 2));
    REQUIRE(contains(run(command).err, "ok data.Uncorrected"));
    REQUIRE(contents(point) == intact);
}

TEST_CASE("a single batch is no error: what needs two does not apply", "[cli]") {
    const Scratch run;
    run.directory.write("cells.csv", cells_csv(30));
    run.directory.write("meta.csv", meta_csv(30, 1));
    const std::string config = run.directory.write("c.json", table_config().dump());
    REQUIRE(run("run " + config + " --out " + run.path() + "out --quiet").code == 0);
    const std::string metrics = contents(run.path() + "out/metrics.csv");
    REQUIRE(contains(metrics, "batch_mixing_entropy,,higher,not_applicable"));
    REQUIRE(contains(metrics, "perfect_mixing,,info,not_applicable"));
    REQUIRE(contains(metrics, "mean_shift,,lower,not_applicable"));
    REQUIRE(contains(contents(run.path() + "out/points/data.Uncorrected.json"), "needs at least two batches"));
}

TEST_CASE("fewer cells than neighbours does not apply", "[cli]") {
    const Scratch run;
    run.directory.write("cells.csv", cells_csv(8));
    run.directory.write("meta.csv", meta_csv(8, 2));
    const std::string config = run.directory.write("c.json", table_config().dump());
    REQUIRE(run("run " + config + " --out " + run.path() + "out --quiet").code == 0);
    REQUIRE(contains(contents(run.path() + "out/points/data.Uncorrected.json"), "more than 10 cells"));
}

TEST_CASE("data files are found beside the config, then in BCBENCH_DATA", "[cli]") {
    const Scratch run;
    fs::create_directories(run.path() + "data");
    run.directory.write("data/cells.csv", cells_csv(30));
    run.directory.write("data/meta.csv", meta_csv(30, 2));
    const std::string config = run.directory.write("c.json", table_config().dump());
    REQUIRE(run("run " + config + " --out " + run.path() + "out --quiet", "env -u BCBENCH_DATA").code == 2);
    REQUIRE(
        run("run " + config + " --out " + run.path() + "out --quiet", "BCBENCH_DATA='" + run.path() + "data'").code ==
        0);
}

TEST_CASE("list, describe and schema speak of everything there is", "[cli]") {
    const Scratch run;
    const std::string list = run("list").out;
    const nlohmann::json schema = nlohmann::json::parse(run("schema").out);
    REQUIRE(schema.contains("properties"));
    for (const char* name :
         {"gaussian_batches", "table", "uncorrected", "differentiable_harmony", "mmd_autoencoder", "wgan_autoencoder",
          "batch_mixing_entropy", "mean_shift", "type_purity", "mixing_ceiling", "optimized_matches_reference"}) {
        INFO(name);
        REQUIRE(contains(list, name));
        const Output description = run(std::string("describe ") + name);
        REQUIRE(description.code == 0);
        REQUIRE(contains(description.out, name));
        REQUIRE(contains(schema.dump(), name));
    }
    REQUIRE(contains(run("describe differentiable_harmony").out, "does not"));  // theta is inert, and says so
}

TEST_CASE("every committed config is valid", "[cli]") {
    const Scratch run;
    for (const auto& entry : fs::directory_iterator(source + "/configs")) {
        const std::string file = entry.path().string();
        if (contains(file, ".expected.json") || contains(file, ".schema.json")) continue;
        const Output output = run("validate " + file);
        INFO(output.err);
        REQUIRE(output.code == 0);
    }
}

TEST_CASE("the committed schema is the program's", "[cli]") {
    const Scratch run;
    const bool same = run("schema").out == contents(source + "/configs/experiment.schema.json");
    INFO("write it again: build/test/bcbench schema > configs/experiment.schema.json");
    REQUIRE(same);  // not the texts: thousands of lines
}
