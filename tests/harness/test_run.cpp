// Runs that survive: resumed, interrupted, killed, out of time, out of disk, and never with a false result.
#include <sys/mount.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/files.hpp"
#include "program.hpp"
#include "running.hpp"

using namespace bcbench;
using bcbench::testing::bcbench_program;
using bcbench::testing::contents;
using bcbench::testing::files_in;
using bcbench::testing::Output;
using bcbench::testing::Running;
using bcbench::testing::wait_until;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

struct Scratch {
    TemporaryDirectory directory;
    std::string operator/(const std::string& name) const { return directory.file(name); }
    Output operator()(const std::string& arguments, const std::string& prefix = "") const {
        return bcbench_program(arguments, directory.file(""), prefix);
    }
};

// `n` points of a few milliseconds on few cells, or of a second and more on many.
json sweep_config(int n, int n_cells = 20, int n_iterations = 3) {
    json sigmas = json::array();
    for (int i = 1; i <= n; ++i) sigmas.push_back(i / 100.0);
    return {
        {"schema_version", 1},
        {"name", "survival"},
        {"datasets",
         {{{"label", "data"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", n_cells}}}}}},
        {"methods",
         {{{"label", "Harmony"},
           {"type", "differentiable_harmony"},
           {"params", {{"n_clusters", 10}, {"n_iterations", n_iterations}}},
           {"sweep", {{"grid", {{"sigma", sigmas}}}}}}}},
        {"metrics", {"mean_shift", "batch_mixing_entropy"}},
        {"outputs", {{"embeddings", true}}}};
}

// Every file whose bytes may not depend on how the run went: all but times, manifest and lock.
std::map<std::string, std::string> result_bytes(const fs::path& directory) {
    std::map<std::string, std::string> bytes;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
        const std::string name = fs::relative(entry.path(), directory).string();
        if (!entry.is_regular_file() || name == "manifest.json" || name == "timings.csv" || name == ".lock")
            continue;
        bytes[name] = contents(entry.path());
    }
    return bytes;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

json manifest_of(const std::string& directory) {
    return json::parse(contents(directory + "/manifest.json"));
}

std::size_t rows_of(const std::string& file) {
    const std::string text = contents(file);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
}

}  // namespace

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

    SECTION("a truncated point file") {
        fs::resize_file(victim, fs::file_size(victim) / 2);
    }
    SECTION("an empty point file") {
        fs::resize_file(victim, 0);
    }
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
        fs::copy_file(run / "out/points/data.Harmony.sigma=0.03.json", victim,
                      fs::copy_options::overwrite_existing);
    }
    SECTION("a lost embedding") {
        fs::remove(run / "out/embeddings/data.Harmony.sigma=0.02.npy");
    }
    SECTION("a lost point file") {
        fs::remove(victim);
    }
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
    fs::create_directories(run / "out/points");
    const std::string half = run.directory.write("out/points/.writing-abc123", "{\"schema_ver");
    const std::string table = run.directory.write("out/.writing-xyz789", "point,");
    const std::string note = run.directory.write("out/notes.txt", "mine");
    REQUIRE(run("run " + config + " --out " + run / "out").code == 0);
    CHECK_FALSE(fs::exists(half));
    CHECK_FALSE(fs::exists(table));
    CHECK(contents(note) == "mine");
}

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
    REQUIRE(
        run("run " + run.directory.write("config.json", sweep_config(30).dump()) + " --quiet --out " + out)
            .code == 0);
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

TEST_CASE("a failing point becomes a row, the others go on; --on-error stop ends the run", "[run]") {
    const Scratch run;
    json source = sweep_config(6);
    // the draws are float32, in which this signal is infinite
    source["datasets"] = {{{"label", "far"},
                           {"type", "gaussian_batches"},
                           {"params", {{"n_cells_per_batch", 20}}},
                           {"sweep", {{"grid", {{"type_signal", {1e39, 5.0}}}}}}}};
    const std::string config = run.directory.write("config.json", source.dump());
    const Output output = run("run " + config + " --out " + run / "out");
    REQUIRE(output.code == 3);
    const std::string metrics = contents(run / "out/metrics.csv");
    CHECK(contains(metrics, "far.type_signal=1e+39.Harmony.sigma=0.01"));
    CHECK(contains(metrics, ",mean_shift,,lower,failed\n"));
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
    json source = sweep_config(2, 1500);
    source["methods"].push_back(
        {{"label", "Slow"}, {"type", "differentiable_harmony"}, {"params", {{"n_iterations", 1000000}}}});
    source["limits"] = {{"max_seconds", 2.0}};
    const std::string config = run.directory.write("config.json", source.dump());
    const auto start = std::chrono::steady_clock::now();
    const Output output = run("run " + config + " --out " + run / "out");
    CHECK(output.code == 3);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(60));
    const json manifest = manifest_of(run / "out");
    CHECK(manifest["counts"]["ok"] == 2);
    REQUIRE(manifest["problems"].size() == 1);
    CHECK(manifest["problems"][0]["reason"] == "takes longer than limits.max_seconds = 2");

    // 2 x 200,000 cells x 30 features are 96 MB in double; the small points fit
    json large = sweep_config(1);
    large["datasets"].push_back(
        {{"label", "large"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 200000}}}});
    large["limits"] = {{"max_memory_bytes", 100000000}};
    large["metrics"] = {"mean_shift"};
    large["outputs"] = {{"projections", false}};
    const Output memory =
        run("run " + run.directory.write("large.json", large.dump()) + " --threads 1 --out " + run / "large");
    CHECK(memory.code == 3);
    const json problems = manifest_of(run / "large")["problems"];
    REQUIRE(problems.size() == 1);
    CHECK(problems[0]["point"] == "large.Harmony.sigma=0.01");
    CHECK(problems[0]["reason"] == "needs more memory than limits.max_memory_bytes = 100000000");
}

TEST_CASE("more memory than there is: the point fails, the others go on", "[run]") {
    const Scratch run;
    json source = sweep_config(1);
    source["datasets"].push_back(
        {{"label", "huge"}, {"type", "gaussian_batches"}, {"params", {{"n_cells_per_batch", 200000000000}}}});
    const Output output =
        run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
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
        if (name.rfind("points/", 0) != 0 && name.rfind("embeddings/", 0) != 0)
            CHECK(later.at(name) == bytes);
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
    const bool mounted =
        mount(place.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
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

TEST_CASE("a run with --only runs and reports a part, and leaves the rest as it is", "[run]") {
    const Scratch run;
    const std::string config = run.directory.write("config.json", sweep_config(4).dump());
    const std::string out = run / "out";
    REQUIRE(run("run " + config + " --quiet --out " + out).code == 0);
    const std::size_t all_times = rows_of(out + "/timings.csv");
    REQUIRE(run("run " + config + " --quiet --fresh --only '*sigma=0.02,*sigma=0.03' --out " + out).code ==
            0);
    CHECK(files_in(out + "/points", ".json") == 4);
    CHECK(manifest_of(out)["counts"]["expected"] == 2);
    REQUIRE(run("run " + config + " --quiet --out " + out).code == 0);
    CHECK(manifest_of(out)["counts"]["ok"] == 4);
    CHECK(all_times == 4 * 4);  // load, fit, metrics, projection
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
        const Output output =
            run("run " + run.directory.write("config.json", source.dump()) + " --out " + run / "out");
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
    CHECK(contains(run("run " + config + " --out " + run / "out").err,
                   "[3/3] resumed data.Harmony.sigma=0.03\n"));
    CHECK_FALSE(contains(run("run " + config + " --quiet --out " + run / "out").err, "[1/3]"));
}

TEST_CASE("writing a group of files is all or nothing for each file", "[run]") {
    const Scratch run;
    const std::string good = run / "good.txt";
    write_atomically(good, "old");
    std::vector<NewFile> files = {{good, "new"}, {run / "nowhere/bad.txt", "x"}};
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
