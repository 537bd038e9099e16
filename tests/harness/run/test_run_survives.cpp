// Runs that survive: interrupted, held by another, out of time, out of memory, out of disk, and never with a false
// result.
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "engine/core/checkpoint.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/execute.hpp"
#include "experiments/run/limits.hpp"
#include "experiments/system/files.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("the second run on a directory says who holds it and stops", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(40, 1500, 40).dump());
    const std::string out = run / "out";
    Running first({"run", config, "--out", out, "--threads", "1"}, run / "first.err");
    REQUIRE(wait_until([&] { return files_in(out + "/points", ".json") > 0; }));
    const Output second = run("run " + config + " --out " + out);
    CHECK(second.code == 2);
    CHECK(contains(second.err, "in use by another run (process "));
    CHECK(contains(second.err, "--out"));
    first.send(SIGKILL);
    CHECK(first.wait() == 128 + SIGKILL);
    // a dead process holds nothing
    CHECK(run("run " + config + " --out " + out + " --only '*sigma=0.01' --quiet").code == 0);
}

TEST_CASE("a limit met while a dataset is loaded fails that point, the next one loads it", "[run]") {
    const Scratch run;
    run.directory.write("cells.csv", cells_csv(12));
    run.directory.write("meta.csv", meta_csv(12, 2));
    const Config config = read_config(run.directory.write("c.json", table_config().dump()), catalog());
    const Plan plan(config, catalog());
    DatasetCache cache(config);
    {
        const CheckpointScope limited([] { throw LimitError("needs more memory"); });
        CHECK(cache.load(plan.at(0))->error == "needs more memory");
    }
    CHECK(cache.load(plan.at(1))->error.empty());
    CHECK(std::get<std::shared_ptr<const Dataset<double>>>(cache.load(plan.at(1))->data)->cells.n_cols == 12);
}

TEST_CASE("Ctrl-C keeps what is done and says how to go on", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(60, 1500, 40).dump());
    const std::string out = run / "out";
    Running interrupted({"run", config, "--out", out, "--jobs", "2"}, run / "run.err");
    REQUIRE(wait_until([&] { return files_in(out + "/points", ".json") >= 2; }));
    interrupted.send(SIGINT);
    CHECK(interrupted.wait() == 3);
    const std::string errors = contents(run / "run.err");
    CHECK(contains(errors, "interrupted; the same command goes on where it stopped"));

    const std::size_t done = files_in(out + "/points", ".json");
    REQUIRE(done >= 2);
    REQUIRE(done < 60);
    CHECK(rows_of(out + "/metrics.csv") % done == 0);  // the rows of the finished points, and no others
    const json manifest = manifest_of(out);
    CHECK(manifest["status"] == "incomplete");
    CHECK(manifest["counts"]["ok"] == done);
    CHECK(manifest["counts"]["missing"] == 60 - done);

    const Output resumed = run("run " + config + " --out " + out + " --jobs 2");
    CHECK(resumed.code == 0);
    CHECK(contains(resumed.err, "(" + std::to_string(done) + " from an earlier run)"));
    REQUIRE(run("run " + config + " --quiet --jobs 2 --out " + run / "undisturbed").code == 0);
    CHECK(result_bytes(out) == result_bytes(run / "undisturbed"));
}

TEST_CASE("an interrupted run of a changed config has no values of the old one", "[run]") {
    const Scratch run;
    json source = sweep_config(30, 1500, 20);
    const std::string out = run / "out";
    REQUIRE(run("run " + run.directory.write("config.json", sweep_config(30).dump()) + " --quiet --out " + out).code ==
            0);
    const std::string config = run.directory.write("slow.json", source.dump());
    const std::string probe = out + "/points/data.Harmony.sigma=0.01.json";
    const auto old = fs::last_write_time(probe);
    Running interrupted({"run", config, "--out", out, "--threads", "1"}, run / "run.err");
    REQUIRE(wait_until([&] { return fs::last_write_time(probe) != old; }));
    interrupted.send(SIGTERM);
    REQUIRE(interrupted.wait() == 3);
    const json counts = manifest_of(out)["counts"];
    REQUIRE(counts["missing"] > 0);
    const std::size_t rows_per_point = rows_of(out + "/metrics.csv") / counts["ok"].get<std::size_t>();
    CHECK(rows_of(out + "/metrics.csv") == rows_per_point * counts["ok"].get<std::size_t>());
    CHECK(rows_per_point < 10);
}

TEST_CASE("a killed --fresh run has no points of the run before", "[run]") {
    const Scratch run;
    const std::string few = run.directory.write("few.json", sweep_config(6).dump());
    REQUIRE(run("run " + few + " --quiet --out " + run / "base").code == 0);
    fs::copy(run / "base", run / "out", fs::copy_options::recursive);
    // the same points, each of many seconds now
    const std::string slow = run.directory.write("slow.json", sweep_config(6, 3000, 300000).dump());
    Running killed({"run", slow, "--out", run / "out", "--fresh", "--threads", "1"}, run / "run.err");
    REQUIRE(wait_until(
        [&] { return files_in(run / "out/embeddings", ".npy") + files_in(run / "out/points", ".json") == 0; }));
    killed.send(SIGKILL);
    killed.wait();
    const Output compared = run("compare " + run / "base" + " " + run / "out");
    CHECK(compared.code == 3);
    CHECK(contains(compared.out, "missing"));
    CHECK_FALSE(contains(compared.out, "the same byte for byte"));
}

TEST_CASE("a failing point becomes a row, the others go on, --on-error stop ends the run", "[run]") {
    const Scratch run;
    json source = sweep_config(6);
    run.directory.write("cells.csv", "a,b\n1,2\n3,broken\n");  // what validate does not read
    run.directory.write("metadata.csv", "batch\nx\ny\n");
    const json params = {{"cells", "cells.csv"}, {"metadata", "metadata.csv"}, {"batch_column", "batch"}};
    const json broken = {{"label", "broken"}, {"type", "table"}, {"params", params}};
    source["datasets"].insert(source["datasets"].begin(), broken);
    source["checks"] = {"optimized_matches_reference"};
    const std::string config = run.directory.write("config.json", source.dump());
    const Output output = run("run " + config + " --out " + run / "out");
    REQUIRE(output.code == 3);
    const std::string metrics = contents(run / "out/metrics.csv");
    CHECK(contains(metrics, "broken.Harmony.sigma=0.01"));
    for (const char* row : {",mean_shift,,lower,", ",perfect_mixing,,info,", ",optimized_matches_reference,,higher,"})
        CHECK(contains(metrics, row + std::string("failed\n")));
    CHECK_FALSE(contains(metrics, "nan"));
    CHECK_FALSE(contains(metrics, "inf,"));
    const json manifest = manifest_of(run / "out");
    CHECK(manifest["counts"]["ok"] == 6);
    CHECK(manifest["counts"]["failed"] == 6);
    REQUIRE(manifest["problems"].size() == 6);
    CHECK_FALSE(manifest["problems"][0]["reason"].get<std::string>().empty());

    const Output stopped = run("run " + config + " --out " + run / "stopped --on-error stop");
    CHECK(stopped.code == 3);
    CHECK(manifest_of(run / "stopped")["counts"]["failed"] == 1);
    CHECK(manifest_of(run / "stopped")["counts"]["missing"] >= 10);
}

TEST_CASE("a point that takes too long or too much memory fails, the others go on", "[run]") {
    const Scratch run;
    json source = sweep_config(2);
    source["methods"].push_back(
        {{"label", "Slow"}, {"type", "differentiable_harmony"}, {"params", {{"n_iterations", 1000000000}}}});
    source["limits"] = {{"max_seconds", 2.0}};
    const std::string config = run.directory.write("config.json", source.dump());
    const Output output = run("run " + config + " --out " + run / "out");  // to its end the slow one takes hours
    CHECK(output.code == 3);
    const json manifest = manifest_of(run / "out");
    CHECK(manifest["counts"]["ok"] == 2);
    REQUIRE(manifest["problems"].size() == 1);
    CHECK(manifest["problems"][0]["reason"] == "takes longer than limits.max_seconds = 2");

    // 2 x 400,000 cells x 30 features are 192 MB in double, held twice; the small points fit, even under a sanitizer
    // (200 MB)
    json large = sweep_config(1);
    large["datasets"].push_back(
        {{"label", "large"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 400000}}}});
    large["limits"] = {{"max_memory_bytes", 260000000}};
    large["metrics"] = {"mean_shift"};
    large["outputs"] = {{"projections", false}};
    const Output memory =
        run("run " + run.directory.write("large.json", large.dump()) + " --threads 1 --out " + run / "large");
    CHECK(memory.code == 3);
    const json problems = manifest_of(run / "large")["problems"];
    REQUIRE(problems.size() == 1);
    CHECK(problems[0]["point"] == "large.Harmony.sigma=0.01");
    CHECK(problems[0]["reason"] == "needs more memory than limits.max_memory_bytes = 260000000");
}

TEST_CASE("more memory than there is: the point fails, the others go on", "[run]") {
    const Scratch run;
    json source = sweep_config(1);
    source["datasets"].push_back(
        {{"label", "huge"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 200000000000}}}});
    const Output output = run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
    CHECK(output.code == 3);
    const json manifest = manifest_of(run / "out");
    CHECK(manifest["counts"]["ok"] == 1);
    REQUIRE(manifest["problems"].size() == 1);
    CHECK(contains(manifest["problems"][0]["reason"], "memory"));
}

TEST_CASE("a full disk: a clear error, nothing half-written, earlier results intact", "[run]") {
    const Scratch run;
    const std::string few = run.directory.write("few.json", sweep_config(3).dump());
    const std::string many = run.directory.write("many.json", sweep_config(400, 200).dump());
    fs::create_directory(run / "disk");
    if (mount("tmpfs", (run / "disk").c_str(), "tmpfs", 0, "size=1m") != 0) {
        WARN("no small disk can be mounted without root: not tested");
        return;
    }
    const std::string out = run / "disk/out";
    const Output before = run("run " + few + " --quiet --out " + out);
    const auto earlier = result_bytes(out);
    const Output full = run("run " + many + " --quiet --out " + out);
    const auto later = result_bytes(out);
    umount((run / "disk").c_str());

    REQUIRE(before.code == 0);
    CHECK(full.code == 2);
    CHECK(contains(full.err, "No space left on device"));
    CHECK(contains(full.err, out));
    for (const auto& [name, bytes] : earlier) {
        INFO(name);
        if (name.rfind("points/", 0) != 0 && name.rfind("embeddings/", 0) != 0) CHECK(later.at(name) == bytes);
    }
    std::size_t points = 0;
    for (const auto& [name, bytes] : later) {
        INFO(name);
        CHECK_FALSE(contains(name, ".writing-"));
        if (name.rfind("points/", 0) != 0) continue;
        ++points;
        CHECK(json::accept(bytes));  // whole or absent
    }
    CHECK(points >= 3);
    CHECK(points < 400);
}

TEST_CASE("a directory that cannot be written: a clear error at once", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(2).dump());
    REQUIRE(run("run " + config + " --quiet --out " + run / "out").code == 0);
    const auto before = result_bytes(run / "out");
    const std::string place = run / "out";
    const bool mounted = mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                         mount(nullptr, place.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    if (!mounted) fs::permissions(place, fs::perms::owner_read | fs::perms::owner_exec);
    const Output output = run("run " + config + " --fresh --out " + place);
    if (mounted) {
        umount(place.c_str());
    } else {
        fs::permissions(place, fs::perms::owner_all);
    }
    CHECK(output.code == 2);
    CHECK(contains(output.err, place));
    CHECK((contains(output.err, "Read-only file system") || contains(output.err, "Permission denied")));
    CHECK(result_bytes(place) == before);

    const Output file = run("run " + config + " --out " + config + "/sub");
    CHECK(file.code == 2);
    CHECK(contains(file.err, "Not a directory"));
}
