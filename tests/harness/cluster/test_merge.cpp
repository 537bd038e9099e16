// Results of several processes or machines, joined: the bytes of one run, or a reason why not.
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

// Runs `config` in `count` shards into <name>1, <name>2, ...; the directories, separated by spaces.
std::string run_shards(const Scratch& run, const std::string& config, int count, const std::string& name = "shard") {
    std::string directories;
    for (int i = 1; i <= count; ++i) {
        const std::string directory = run / (name + std::to_string(i));
        const std::string shard = std::to_string(i) + "/" + std::to_string(count);
        const Output output = run("run " + config + " --quiet --shard " + shard + " --out " + directory);
        REQUIRE(output.code == 0);
        CHECK(output.out.empty());
        directories += " " + directory;
    }
    return directories;
}

void edit(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = contents(file);
    REQUIRE(contains(text, from));
    text.replace(text.find(from), from.size(), to);
    std::ofstream(file, std::ios::binary) << text;
}

// Without the header.
std::vector<std::string> lines_of(const std::string& file) {
    std::istringstream stream(contents(file));
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    REQUIRE(lines.size() > 1);
    return {lines.begin() + 1, lines.end()};
}

}  // namespace

TEST_CASE("merged shards are byte for byte one machine's results", "[cluster]") {
    const Scratch run;
    json config = sweep_config(20);
    config["datasets"][0]["seeds"] = {1, 2};
    config["methods"].push_back(
        {{"label", "MMD"}, {"type", "mmd_autoencoder"}, {"train", {{"steps", 2}, {"save_model", true}}}});
    const std::string file = run.directory.write("c.json", config.dump());
    const Output whole = run("run " + file + " --quiet --out " + run / "whole");
    REQUIRE(whole.code == 0);
    const std::string shards = run_shards(run, file, 4);
    const Output merged = run("merge" + shards + " --threads 1 --out " + run / "merged");
    INFO(merged.err);
    CHECK(merged.code == 0);
    CHECK(run("merge" + shards + " --threads 3 --out " + run / "by_three").out == merged.out);
    CHECK(result_bytes(run / "by_three") == result_bytes(run / "merged"));
    CHECK(merged.out == whole.out);
    CHECK(contains(merged.err, "42 of 42 points ok, 0 skipped, 0 failed, 0 missing, 0 in several"));
    CHECK(result_bytes(run / "merged") == result_bytes(run / "whole"));
    CHECK(rows_of(run / "merged/timings.csv") == rows_of(run / "whole/timings.csv"));
    // the times of the shards, line by line: none lost, doubled or summed
    std::vector<std::string> of_shards;
    for (int i = 1; i <= 4; ++i)
        for (std::string& line : lines_of(run / ("shard" + std::to_string(i) + "/timings.csv")))
            of_shards.push_back(std::move(line));
    CHECK(lines_of(run / "merged/timings.csv") == of_shards);  // shards are stretches of the plan
    const json manifest = manifest_of(run / "merged");
    CHECK(manifest["status"] == "complete");
    CHECK(manifest["config_hash"] == manifest_of(run / "whole")["config_hash"]);
    CHECK(manifest["counts"] == manifest_of(run / "whole")["counts"]);
    CHECK(manifest["merged_from"].size() == 4);
    // what is merged can be resumed: nothing is computed again
    CHECK(contains(run("run " + file + " --quiet --out " + run / "merged").err, "(42 from an earlier run)"));
    CHECK(run("compare " + run / "whole" + " " + run / "merged").code == 0);
    CHECK(contains(run("status " + run / "merged").out, "42 of 42 points done, 0 running, 0 failed, 0 missing"));
}

TEST_CASE("a merged documented run is compared with what is expected of it", "[cluster]") {
    const Scratch run;
    const std::string config = std::string(BCBENCH_SOURCE_DIR) + "/configs/documented.json";
    REQUIRE(run("run " + config + " --quiet --out " + run / "whole").code == 0);
    CHECK(run("merge" + run_shards(run, config, 3) + " --out " + run / "merged").code == 0);
    CHECK(result_bytes(run / "merged") == result_bytes(run / "whole"));
    CHECK(fs::exists(run / "merged/expected.csv"));
}

TEST_CASE("merge says what is missing, failed and twice there, and computes nothing", "[cluster]") {
    const Scratch run;
    json config = small_config();
    const std::string file = run.directory.write("c.json", config.dump());
    REQUIRE(run("run " + file + " --quiet --only '*Uncorrected' --out " + run / "a").code == 0);
    REQUIRE(run("run " + file + " --quiet --only '*Uncorrected,*=1' --out " + run / "b").code == 0);
    const std::string merge = "merge " + run / "a" + " " + run / "b" + " --quiet --out " + run / "out";
    const Output part = run(merge);
    CHECK(part.code == 3);
    CHECK(contains(part.err, "missing: data.Harmony.n_iterations=3\n"));
    CHECK(contains(part.err, "1 missing, 1 in several directories"));
    CHECK(files_in(run / "out/points", ".json") == 2);
    CHECK(manifest_of(run / "out")["status"] == "incomplete");
    CHECK(run("status " + run / "a" + " " + run / "b").code == 3);

    // the rest comes later, and what was merged stays
    REQUIRE(run("run " + file + " --quiet --only '*=3' --out " + run / "c").code == 0);
    CHECK(run("merge " + run / "c" + " --quiet --out " + run / "out").code == 0);
    REQUIRE(run("run " + file + " --quiet --out " + run / "whole").code == 0);
    CHECK(result_bytes(run / "out") == result_bytes(run / "whole"));

    // a failed point of one directory gives way to the same point in another
    REQUIRE(run("run " + file + " --quiet --set limits.max_seconds=1e-9 --out " + run / "slow").code == 3);
    const Output failed = run("merge " + run / "slow" + " --out " + run / "slow_merged");
    CHECK(failed.code == 3);
    CHECK(contains(failed.err, "failed: data.Uncorrected, "));
}

TEST_CASE("shards of other configs, programs and values are refused, and nothing is written", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    const std::string shards = run_shards(run, file, 2);
    const auto merge = [&](const std::string& options = "") {
        fs::remove_all(run / "out");
        return run("merge" + shards + " --quiet --out " + run / "out" + " " + options);
    };
    const std::string manifest = contents(run / "shard2/manifest.json");

    REQUIRE(run("run " + file + " --quiet --set methods.Harmony.params.sigma=0.2 --out " + run / "other").code == 0);
    const Output other = run("merge " + run / "shard1" + " " + run / "other" + " --out " + run / "out");
    CHECK(other.code == 2);
    CHECK(contains(other.err, "are of different configs; they differ at /methods/1/params/sigma"));
    CHECK_FALSE(fs::exists(run / "out"));

    const std::string hash = manifest_of(run / "shard2")["program"]["hash"];
    edit(run / "shard2/manifest.json", hash, "0123456789abcdef");
    CHECK(merge().code == 2);
    CHECK(contains(merge().err, "different kinds of machines"));
    CHECK_FALSE(fs::exists(run / "out"));
    edit(run / "shard2/manifest.json", "\"git_commit\": \"", "\"git_commit\": \"x");
    CHECK(contains(merge().err, "computed by different programs"));
    CHECK(merge("--allow-mixed").code == 0);
    run.directory.write("shard2/manifest.json", manifest);
    const std::string cpu = manifest_of(run / "shard2")["machine"]["cpu"];
    edit(run / "shard2/manifest.json", "\"cpu\": \"" + cpu, "\"cpu\": \"another");
    CHECK(merge().code == 0);
    CHECK(contains(merge().err, "the times come from several kinds of processors"));
    run.directory.write("shard2/manifest.json", manifest);

    // a value that is not the same
    const std::string point = "points/data.Uncorrected.json";
    fs::copy(run / ("shard1/" + point), run / ("shard2/" + point));
    CHECK(merge().code == 0);
    CHECK(contains(merge().err, "1 in several directories"));
    json record = json::parse(contents(run / ("shard2/" + point)));
    for (json& score : record["metrics"])
        if (score["metric"] == "mean_shift") score["value"] = 42.0;
    run.directory.write("shard2/" + point, record.dump());
    const Output conflict = merge();
    CHECK(conflict.code == 2);
    CHECK(contains(conflict.err, "data.Uncorrected: mean_shift is "));
    CHECK(contains(conflict.err, " and 42"));
    CHECK_FALSE(fs::exists(run / "out"));
    CHECK(merge("--on-conflict first").code == 0);
    CHECK_FALSE(contains(contents(run / "out/metrics.csv"), "mean_shift,42,"));
    CHECK(merge("--on-conflict last").code == 0);
    CHECK(contains(contents(run / "out/metrics.csv"), "mean_shift,42,"));
}

TEST_CASE("a directory that was copied only in part is told, point by point", "[cluster]") {
    const Scratch run;
    json config = small_config();
    config["outputs"] = {{"embeddings", true}};
    const std::string file = run.directory.write("c.json", config.dump());
    REQUIRE(run("run " + file + " --quiet --out " + run / "a").code == 0);
    const std::string merge = "merge " + run / "a" + " --quiet --out " + run / "out";
    const std::string point = contents(run / "a/points/data.Uncorrected.json");
    run.directory.write("a/points/data.Uncorrected.json", point.substr(0, 100));
    const Output damaged = run(merge);
    CHECK(damaged.code == 3);
    CHECK(contains(damaged.err, "1 point files are damaged"));
    CHECK(contains(damaged.err, "missing: data.Uncorrected\n"));
    run.directory.write("a/points/data.Uncorrected.json", point);
    fs::remove(run / "a/embeddings/data.Uncorrected.npy");
    CHECK(contains(run(merge).err, "missing: data.Uncorrected\n"));
    fs::remove(run / "a/manifest.json");
    const Output without = run(merge);
    CHECK(without.code == 2);
    CHECK(contains(without.err, "was copied only in part"));
    CHECK(run("merge " + run / "nothing" + " --out " + run / "out").code == 2);
}

TEST_CASE("a shard whose clock is an hour ahead is merged like any other", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    REQUIRE(run("run " + file + " --quiet --out " + run / "whole").code == 0);
    const std::string shards = run_shards(run, file, 2);
    json manifest = manifest_of(run / "shard2");
    manifest["started"] = "2100-01-01T01:00:00Z";
    manifest["finished"] = "2100-01-01T01:00:01Z";
    run.directory.write("shard2/manifest.json", manifest.dump());
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(run / "shard2"))
        fs::last_write_time(entry.path(), fs::file_time_type::clock::now() + std::chrono::hours(1));
    const Output merged = run("merge" + shards + " --quiet --out " + run / "out");
    INFO(merged.err);
    CHECK(merged.code == 0);
    CHECK(result_bytes(run / "out") == result_bytes(run / "whole"));
    CHECK(manifest_of(run / "out")["started"] == manifest_of(run / "shard1")["started"]);
    CHECK(manifest_of(run / "out")["finished"] == "2100-01-01T01:00:01Z");
    // and again, over results that are older than their source
    CHECK(run("merge" + shards + " --quiet --out " + run / "out").code == 0);
    CHECK(result_bytes(run / "out") == result_bytes(run / "whole"));
}

TEST_CASE("points that an earlier config left are not merged", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", small_config().dump());
    REQUIRE(run("run " + file + " --quiet --set methods.Harmony.params.sigma=0.2 --out " + run / "a").code == 0);
    REQUIRE(run("run " + file + " --quiet --shard 1/2 --out " + run / "a").code == 0);
    const Output output = run("merge " + run / "a" + " --quiet --out " + run / "out");
    CHECK(output.code == 3);
    CHECK(contains(output.err, "of another config"));
    CHECK(contains(output.err, "data.Harmony.n_iterations=3"));
}

TEST_CASE("a shard on a full disk is short of points, which a rerun or another shard gives", "[cluster]") {
    const Scratch run;
    const std::string file = run.directory.write("c.json", sweep_config(12, 2000).dump());
    fs::create_directory(run / "full");
    if (mount("none", (run / "full").c_str(), "tmpfs", 0, "size=900k") != 0) {
        WARN("skipped: no file system of a given size can be mounted here");
        return;
    }
    const Output full = run("run " + file + " --quiet --shard 1/2 --out " + run / "full/out");
    CHECK((full.code == 2 || full.code == 3));
    CHECK(contains(full.err, "No space left"));
    REQUIRE(run("run " + file + " --quiet --shard 2/2 --out " + run / "second").code == 0);
    const Output part = run("merge " + run / "full/out" + " " + run / "second" + " --quiet --out " + run / "out");
    CHECK(part.code == 3);
    CHECK(contains(part.err, "missing: "));
    REQUIRE(run("run " + file + " --quiet --shard 1/2 --out " + run / "first").code == 0);
    CHECK(run("merge " + run / "first" + " --quiet --out " + run / "out").code == 0);
    umount((run / "full").c_str());
    REQUIRE(run("run " + file + " --quiet --out " + run / "whole").code == 0);
    CHECK(result_bytes(run / "out") == result_bytes(run / "whole"));
}
