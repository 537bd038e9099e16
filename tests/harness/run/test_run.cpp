// Runs: the same bytes whatever the threads, resumed, changed, in part; what they write and say.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "experiments/system/files.hpp"
#include "tests/support/program.hpp"
#include "tests/support/running.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("jobs and threads do not change a byte", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(12, 400).dump());
    REQUIRE(run("run " + config + " --quiet --jobs 1 --threads 1 --out " + run / "reference").code == 0);
    const auto reference = result_bytes(run / "reference");
    REQUIRE(reference.size() == 2 + 2 * 12);  // metrics, projections; 12 points and embeddings
    for (const char* options :
         {"--jobs 2 --threads 1", "--jobs 8 --threads 8", "--jobs 1 --threads 2", "--jobs 1 --threads 8"}) {
        const std::string out = run / "out";
        REQUIRE(run("run " + config + " --quiet --fresh --out " + out + " " + options).code == 0);
        INFO(options);
        CHECK(result_bytes(out) == reference);
    }
}

TEST_CASE("a finished run is resumed without computing anything, --fresh computes everything", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(5).dump());
    const std::string command = "run " + config + " --out " + run / "out";
    REQUIRE(run(command).code == 0);
    const auto before = result_bytes(run / "out");
    const auto written = fs::last_write_time(run / "out/points/data.Harmony.sigma=0.01.json");
    const std::string times = contents(run / "out/timings.csv");

    const Output again = run(command);
    CHECK(again.code == 0);
    CHECK(contains(again.err, "5 from an earlier run"));
    CHECK(fs::last_write_time(run / "out/points/data.Harmony.sigma=0.01.json") == written);
    CHECK(contents(run / "out/timings.csv") == times);
    CHECK(result_bytes(run / "out") == before);

    const Output fresh = run(command + " --fresh");
    CHECK(fresh.code == 0);
    CHECK_FALSE(contains(fresh.err, "earlier run"));
    CHECK(fs::last_write_time(run / "out/points/data.Harmony.sigma=0.01.json") != written);
    CHECK(result_bytes(run / "out") == before);
}

TEST_CASE("only points that changed or are damaged are computed again", "[run]") {
    const Scratch run;
    json source = sweep_config(4);
    const std::string config = run.directory.write("config.json", source.dump());
    const std::string command = "run " + config + " --out " + run / "out";
    REQUIRE(run(command).code == 0);
    const auto before = result_bytes(run / "out");
    const std::string victim = run / "out/points/data.Harmony.sigma=0.02.json";

    SECTION("a truncated point file") { fs::resize_file(victim, fs::file_size(victim) / 2); }
    SECTION("an empty point file") { fs::resize_file(victim, 0); }
    SECTION("a point file nested so deep that copying it would overflow the stack") {
        std::string text = contents(victim);
        const std::string place = "\"outputs\":{";
        const std::size_t deep = 300'000;
        text.insert(text.find(place) + place.size(),
                    "\"deep\":" + std::string(deep, '[') + std::string(deep, ']') + ",");
        write_atomically(victim, text);
        CHECK(contains(run("compare " + run / "out" + " " + run / "out").out, "is nested too deep"));
    }
    SECTION("a point file of another point") {
        fs::copy_file(run / "out/points/data.Harmony.sigma=0.03.json", victim, fs::copy_options::overwrite_existing);
    }
    SECTION("a lost embedding") { fs::remove(run / "out/embeddings/data.Harmony.sigma=0.02.npy"); }
    SECTION("a lost point file") { fs::remove(victim); }
    const Output again = run(command);
    CHECK(again.code == 0);
    CHECK(contains(again.err, "(3 from an earlier run)"));
    CHECK(result_bytes(run / "out") == before);
}

TEST_CASE("a changed config computes what it changes, under the same ids", "[run]") {
    const Scratch run;
    json source = sweep_config(3);
    const std::string out = run / "out";
    REQUIRE(run("run " + run.directory.write("config.json", source.dump()) + " --out " + out).code == 0);
    source["methods"][0]["params"]["n_iterations"] = 4;  // not part of the id
    const std::string changed = run.directory.write("config.json", source.dump());
    const Output again = run("run " + changed + " --out " + out);
    CHECK(again.code == 0);
    CHECK_FALSE(contains(again.err, "earlier run"));
    REQUIRE(run("run " + changed + " --out " + run / "undisturbed").code == 0);
    CHECK(result_bytes(out) == result_bytes(run / "undisturbed"));
}

TEST_CASE("temporary files of a killed run are removed, other files stay", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(2).dump());
    REQUIRE(run("run " + config + " --out " + run / "out").code == 0);
    const std::string half = run.directory.write("out/points/.writing-abc123", "{\"schema_ver");
    const std::string table = run.directory.write("out/.writing-xyz789", "point,");
    const std::string note = run.directory.write("out/notes.txt", "mine");
    REQUIRE(run("run " + config + " --out " + run / "out").code == 0);
    CHECK_FALSE(fs::exists(half));
    CHECK_FALSE(fs::exists(table));
    CHECK(contents(note) == "mine");
}

TEST_CASE("a run with --only runs and reports a part, and leaves the rest as it is", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(4).dump());
    const std::string out = run / "out";
    REQUIRE(run("run " + config + " --quiet --out " + out).code == 0);
    const std::size_t all_times = rows_of(out + "/timings.csv");
    const auto before = result_bytes(out);
    const auto written = [&](const char* point) {
        return fs::last_write_time(out + "/points/data.Harmony." + point + ".json");
    };
    const auto untouched = written("sigma=0.01");
    const auto computed = written("sigma=0.02");
    REQUIRE(run("run " + config + " --quiet --fresh --only '*sigma=0.02,*sigma=0.03' --out " + out).code == 0);
    CHECK(written("sigma=0.01") == untouched);
    CHECK(written("sigma=0.02") != computed);
    const auto after = result_bytes(out);
    for (const auto& [name, bytes] : before) {
        INFO(name);
        if (name != "metrics.csv" && name != "projections.csv") CHECK(after.at(name) == bytes);
    }
    CHECK(after.size() == before.size());
    CHECK(manifest_of(out)["counts"]["expected"] == 2);
    REQUIRE(run("run " + config + " --quiet --out " + out).code == 0);
    CHECK(manifest_of(out)["counts"]["ok"] == 4);
    CHECK(all_times == 4 * 5);  // load, fit, initialize, metrics, projection
}

TEST_CASE("half a row at the end of timings.csv does no harm", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(2).dump());
    REQUIRE(run("run " + config + " --quiet --out " + run / "out").code == 0);
    const std::string times = contents(run / "out/timings.csv");
    append(run / "out/timings.csv", "data.Harmony.sigma=0.01,fit,0,0.00");
    fs::remove(run / "out/points/data.Harmony.sigma=0.02.json");
    REQUIRE(run("run " + config + " --quiet --out " + run / "out").code == 0);
    const std::string later = contents(run / "out/timings.csv");
    CHECK(std::count(later.begin(), later.end(), '\n') == std::count(times.begin(), times.end(), '\n'));
    CHECK_FALSE(contains(later, "0.00data"));
}

TEST_CASE("labels cannot lead out of the results directory", "[run]") {
    const Scratch run;
    for (const char* label :
         {"../escape", "a/b", "..", ".", "/tmp/x", "a\\b", ".hidden", "a\nb", "a\x1b[2J", "a\x7f"}) {
        json source = sweep_config(1);
        source["methods"][0]["label"] = label;
        const Output output = run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
        INFO(label);
        CHECK(output.code == 2);
        CHECK(contains(output.err, "/methods/0/label"));
    }
    json source = sweep_config(1);
    source["name"] = "../../escape";
    const Output output = run("run " + run.directory.write("config.json", source.dump()));
    CHECK(output.code == 2);
    CHECK(contains(output.err, "/name"));
}

TEST_CASE("progress: one line per point when stderr is no terminal, none with --quiet", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(3).dump());
    const Output output = run("run " + config + " --out " + run / "out");
    CHECK(contains(output.err, "[1/3] ok data.Harmony.sigma=0.01\n"));
    CHECK(contains(output.err, "[3/3] ok data.Harmony.sigma=0.03\n"));
    CHECK_FALSE(contains(output.err, "\033"));
    CHECK(contains(run("run " + config + " --out " + run / "out").err, "[3/3] resumed data.Harmony.sigma=0.03\n"));
    CHECK_FALSE(contains(run("run " + config + " --quiet --out " + run / "out").err, "[1/3]"));
}

TEST_CASE("writing a group of files is all or nothing for each file", "[run]") {
    const Scratch run;
    const std::string good = run / "good.txt";
    write_atomically(good, "old");
    std::vector<NewFile> files = {NewFile(good, "new"), NewFile(run / "nowhere/bad.txt", "x")};
    CHECK_THROWS_AS(write_atomically(files), FileError);
    CHECK(contents(good) == "old");
    CHECK(files_in(run / "", ".txt") == 1);
    std::size_t entries = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(run / "")) ++entries;
    CHECK(entries == 1);  // no temporary file is left
    files.clear();
    for (int i = 0; i < 100; ++i) files.push_back({run / ("file" + std::to_string(i)), std::to_string(i)});
    write_atomically(files);
    CHECK(contents(run / "file99") == "99");
}
