// Another run into a directory with results: what still stands is kept, and nothing else stays.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "experiments/results/reader.hpp"
#include "experiments/system/provenance.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("a killed run has no points of the program before", "[run][compare]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(12, 1500, 40).dump());
    const std::string out = run / "out";
    REQUIRE(run("run " + config + " --quiet --out " + run / "base").code == 0);
    // another kernel is another program: it may give other values
    REQUIRE(run("run " + config + " --quiet --out " + out, "OPENBLAS_CORETYPE=Nehalem").code == 0);
    const std::string program = manifest_of(out)["program"]["hash"];
    REQUIRE(program != manifest_of(run / "base")["program"]["hash"]);
    const auto is_of_before = [&](const std::string& file) {
        return contains(contents(file), "\"program\":\"" + program);
    };
    const std::string points = out + "/points/data.Harmony.sigma=0.";
    REQUIRE(is_of_before(points + "12.json"));

    Running killed({"run", config, "--out", out, "--threads", "1"}, run / "run.err");
    REQUIRE(wait_until([&] { return !is_of_before(points + "01.json"); }));
    killed.send(SIGKILL);
    killed.wait();
    REQUIRE(is_of_before(points + "12.json"));
    const Output compared = run("compare " + run / "base" + " " + out);
    CHECK(compared.code == 3);
    CHECK(contains(compared.out, "missing"));
    CHECK(contains(compared.out + compared.err, "of its points are of another program and not compared"));

    // a point that does not say who computed it is of an older program
    const std::size_t n_computed = read_results(out).points.size();
    REQUIRE(n_computed >= 1);
    std::string text = contents(points + "01.json");
    const std::size_t key = text.find("\"program\":");
    text.erase(key, text.find("\"data_hash\"") - key);
    REQUIRE(json::accept(text));
    run.directory.write("out/points/data.Harmony.sigma=0.01.json", text);
    CHECK(read_results(out).points.size() == n_computed - 1);
}

TEST_CASE("a program of other libraries is another program", "[run]") {
    const nlohmann::ordered_json build = build_provenance();
    for (const auto& [part, text] : build.items()) {
        INFO(part);
        CHECK(contains(program_identity(), text.get<std::string>()));
    }
}

TEST_CASE("other repeats are measured anew", "[run]") {
    const Scratch run;
    json source = sweep_config(2);
    const auto times = [&](const std::string& stage) {
        const std::string rows = contents(run / "out/timings.csv");
        std::size_t count = 0;
        for (std::size_t at = rows.find(stage); at != std::string::npos; at = rows.find(stage, at + 1)) ++count;
        return count;
    };
    REQUIRE(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + run / "out").code ==
            0);
    CHECK(times(",fit,") == 2);
    source["timing"] = {{"repeats", 3}};
    REQUIRE(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + run / "out").code ==
            0);
    CHECK(times(",fit,") == 6);
    source["timing"]["warmup"] = 1;
    const Output warm = run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
    CHECK_FALSE(contains(warm.err, "earlier run"));
}

TEST_CASE("points with the same id and other labels are computed anew", "[run]") {
    const Scratch run;
    const auto labelled = [&](const char* dataset, const char* method) {
        json source = sweep_config(1);
        source["datasets"][0]["label"] = dataset;
        source["methods"][0]["label"] = method;
        return run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
    };
    CHECK(labelled("a.b", "c").code == 0);
    CHECK(contains(labelled("a.b", "c").err, "1 from an earlier run"));
    CHECK_FALSE(contains(labelled("a", "b.c").err, "earlier run"));
    CHECK(contains(contents(run / "out/metrics.csv"), "a.b.c.sigma=0.01,a,b.c,"));
}

TEST_CASE("embeddings and models of an earlier config do not stay beside new results", "[run]") {
    const Scratch run;
    json source = sweep_config(1);
    source["methods"].push_back(
        {{"label", "MMD"}, {"type", "mmd_autoencoder"}, {"train", {{"steps", 1}, {"save_model", true}}}});
    const std::string out = run / "out";
    REQUIRE(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + out).code == 0);
    REQUIRE(files_in(out + "/embeddings", ".npy") == 2);
    REQUIRE(files_in(out + "/models", ".npz") == 1);
    SECTION("the config asks for them no more") {
        source["outputs"]["embeddings"] = false;
        source["methods"][1]["train"]["save_model"] = false;
        CHECK(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + out).code == 0);
    }
    SECTION("the points fail now") {
        source["methods"][0]["params"]["n_iterations"] = 4;
        source["methods"][1]["params"]["hidden_dim"] = 4;
        source["limits"] = {{"max_memory_bytes", 1}};
        CHECK(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + out).code == 3);
    }
    SECTION("the points are excluded") {
        source["exclude"] = {{{"match", "*"}, {"reason", "not now"}}};
        CHECK(run("run " + run.directory.write("config.json", source.dump()) + " --quiet --out " + out).code == 0);
    }
    CHECK(files_in(out + "/points", ".json") == 2);
    CHECK(files_in(out + "/embeddings", ".npy") == 0);
    CHECK(files_in(out + "/models", ".npz") == 0);
}

TEST_CASE("an edit of the expected values while a run goes on does it no harm", "[run]") {
    const Scratch run;
    json source = sweep_config(12, 1500, 40);
    source["expected"] = "expected.json";
    const json shape = {
        {"section", "s"}, {"point", "data.Harmony.sigma=0.01"}, {"metric", "shape"}, {"printed", "(3000, 30)"}};
    run.directory.write("expected.json", json{{"values", json::array({shape})}}.dump());
    const std::string config = run.directory.write("config.json", source.dump());
    Running edited({"run", config, "--out", run / "out", "--threads", "1"}, run / "run.err");
    REQUIRE(wait_until([&] { return files_in(run / "out/points", ".json") > 0; }));
    run.directory.write("expected.json", "half a fi");
    CHECK(edited.wait() == 0);
    CHECK(contains(contents(run / "out/expected.csv"), ",yes\n"));
}

TEST_CASE("files are readable for whom the umask says", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(1).dump());
    const auto permissions = [&](const std::string& mask) {
        const std::string out = run / ("out" + mask);
        REQUIRE(run("run " + config + " --quiet --out " + out, "umask " + mask + ";").code == 0);
        std::set<fs::perms> found;
        for (const auto& entry : fs::recursive_directory_iterator(out))
            if (entry.is_regular_file()) found.insert(entry.status().permissions());
        return found;
    };
    CHECK(permissions("077") == std::set<fs::perms>{fs::perms{0600}});
    CHECK(permissions("002") == std::set<fs::perms>{fs::perms{0664}});
}
