// Runs on files of counts and embeddings, from the file and back into a copy of it, as a user starts them.
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/harness/h5ad/small.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

void write(const std::string& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

json h5ad_config(const json& patch = json::object()) {
    json config = small_config(
        {{"datasets",
          {{{"label", "mine"}, {"type", "h5ad"}, {"params", {{"file", "mine.h5ad"}, {"batch_column", "donor"}}}}}},
         {"outputs", {{"h5ad", true}}}});
    config["methods"][1]["params"]["n_clusters"] = 2;
    config.merge_patch(patch);
    return config;
}

H5adData<double> read_copy(const std::string& file, const std::string& cells) {
    H5adRequest request = small_request(cells);
    request.label_columns = {"donor", "kind"};
    return read_h5ad<double>(file, request);
}

}  // namespace

TEST_CASE("outputs.h5ad: a copy holds the cells of every point, a resumed run makes the same", "[h5ad][cli]") {
    const Scratch scratch;
    small_file(scratch / "mine.h5ad");
    const std::string original = contents(scratch / "mine.h5ad");
    write(scratch / "c.json", h5ad_config().dump());
    const Output first = scratch("run '" + (scratch / "c.json") + "' --jobs 2 --out '" + (scratch / "out") + "'");
    INFO(first.err);
    REQUIRE(first.code == 0);
    CHECK(contents(scratch / "mine.h5ad") == original);
    const std::string copy = scratch / "out/embeddings/mine.h5ad";
    const auto before = read_copy(scratch / "mine.h5ad", "obsm/X_pca"), kept = read_copy(copy, "obsm/X_pca");
    CHECK(arma::approx_equal(before.cells, kept.cells, "absdiff", 0.0));
    CHECK(kept.labels[1].labels.code == before.labels[1].labels.code);
    CHECK(arma::approx_equal(read_copy(copy, "obsm/X_Uncorrected").cells, before.cells, "absdiff", 1e-6));
    const auto corrected = read_copy(copy, "obsm/X_Harmony.n_iterations=3").cells;
    CHECK_FALSE(arma::approx_equal(corrected, before.cells, "absdiff", 1e-3));
    CHECK(describe_h5ad(copy, small_limits()).unstructured == std::vector<std::string>{"bcbench"});
    // the copy is gone and one point with it
    std::filesystem::remove(copy);
    std::filesystem::remove(scratch / "out/points/mine.Harmony.n_iterations=3.json");
    const Output again = scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "out") + "'");
    CHECK(contains(again.err, "3 of 3 points ok (2 from an earlier run)"));
    CHECK(arma::approx_equal(read_copy(copy, "obsm/X_Harmony.n_iterations=3").cells, corrected, "absdiff", 0.0));
}

TEST_CASE("outputs.h5ad: what cannot be written is said, and the rest stands", "[h5ad][cli]") {
    const Scratch scratch;
    small_file(scratch / "mine.h5ad");
    write(scratch / "c.json", h5ad_config({{"methods", {{{"label", "pca"}, {"type", "uncorrected"}}}}}).dump());
    const Output taken = scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "out") + "'");
    CHECK(taken.code == 3);
    CHECK(contains(taken.err, "embeddings/mine.h5ad is not written: "));
    CHECK(contains(taken.err, "obsm/X_pca: is in the file already; choose another label"));
    CHECK(std::filesystem::exists(scratch / "out/metrics.csv"));
    CHECK_FALSE(std::filesystem::exists(scratch / "out/embeddings/mine.h5ad"));
    write(scratch / "d.json", small_config({{"outputs", {{"h5ad", true}}}}).dump());
    const Output none = scratch("validate '" + (scratch / "d.json") + "'");
    CHECK(none.code == 2);
    CHECK(contains(none.err, "/outputs/h5ad: is true, but no dataset comes from an .h5ad file (type h5ad)"));
}

TEST_CASE("preprocess: counts of an .h5ad file become components, timed and told", "[h5ad][preprocess][cli]") {
    const Scratch scratch;
    small_file(scratch / "mine.h5ad");
    json config = h5ad_config();
    json& params = config["datasets"][0]["params"];
    params["cells"] = "X";
    params["preprocess"] = {"normalize_total", "log1p", {{"pca", {{"n_components", 2}}}}};
    write(scratch / "c.json", config.dump());
    const Output run = scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "out") + "'");
    INFO(run.err);
    REQUIRE(run.code == 0);
    CHECK(contains(contents(scratch / "out/timings.csv"), "mine.Uncorrected,preprocess,0,"));
    const json point = json::parse(contents(scratch / "out/points/mine.Uncorrected.json"));
    CHECK(point["dataset"]["n_features"] == 2);
    CHECK(point["dataset"]["preprocess"][2]["residual"].get<double>() < 1e-9);
    const auto refused = [&](const json& steps, const std::string& cells) {
        params["preprocess"] = steps;
        params["cells"] = cells;
        write(scratch / "c.json", config.dump());
        const Output output = scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "other") + "'");
        CHECK(output.code != 0);
        return output.err + (std::filesystem::exists(scratch / "other/points/mine.Uncorrected.json")
                                 ? contents(scratch / "other/points/mine.Uncorrected.json")
                                 : "");
    };
    CHECK(contains(refused({"log1p", "normalize_total"}, "X"),
                   "/datasets/0/params/preprocess: has normalize_total after log1p"));
    CHECK(contains(refused({"log1q"}, "X"), "did you mean \"log1p\"?"));
    CHECK(contains(refused({{{"pca", {{"n_components", 0}}}}}, "X"),
                   "element 0 (pca) \"n_components\" is 0, must be an integer >= 1"));
    CHECK(contains(refused({"log1p"}, "obsm/X_pca"), "look log-normalised already"));
}

TEST_CASE("dataset matrix: 10x folders and .npy files, one or several", "[matrix][cli]") {
    const Scratch scratch;
    const auto folder = [&](const std::string& name, const std::string& genes, const std::string& entries) {
        std::filesystem::create_directory(scratch / name);
        write(scratch / (name + "/matrix.mtx"), "%%MatrixMarket matrix coordinate integer general\n" + entries);
        write(scratch / (name + "/barcodes.tsv"), "c1\nc2\n");
        write(scratch / (name + "/features.tsv"), genes);
    };
    folder("a", "g1\tA\ng2\tB\ng3\tC\n", "3 2 3\n1 1 5\n3 1 2\n2 2 7\n");
    folder("b", "g3\tC\ng1\tA\n", "2 2 2\n1 1 4\n2 2 9\n");
    json config =
        small_config({{"outputs", {{"embeddings", true}}}, {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}}});
    const auto run = [&](const std::string& type, const json& params) {
        config["datasets"] = {{{"label", "d"}, {"type", type}, {"params", params}}};
        write(scratch / "c.json", config.dump());
        return scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "out") + "'");
    };
    const json both = {{{"file", "a"}, {"batch", "A"}}, {{"file", "b"}, {"batch", "B"}}};
    const Output joined = run("matrix", {{"files", both}});
    INFO(joined.err);
    REQUIRE(joined.code == 0);
    const std::string bytes = contents(scratch / "out/embeddings/d.U.npy");
    std::vector<double> values(8);
    std::memcpy(values.data(), bytes.data() + bytes.size() - 64, 64);
    CHECK(values == std::vector<double>{5, 2, 0, 0, 0, 4, 9, 0});  // g1, g3 of each cell
    const json dataset = json::parse(contents(scratch / "out/points/d.U.json"))["dataset"];
    CHECK(dataset["joined"]["n_features"] == 2);
    CHECK(dataset["joined"]["files"][0]["n_features"] == 3);
    CHECK(dataset["batches"]["names"] == json{"A", "B"});
    // the same cells as .npy, with labels from a table
    write(scratch / "meta.csv", "batch,type\nx,t\nx,u\ny,t\ny,u\n");
    std::filesystem::copy(scratch / "out/embeddings/d.U.npy", scratch / "cells.npy");
    json params = {{"file", "cells.npy"}, {"metadata", "meta.csv"}, {"batch_column", "batch"}, {"type_column", "type"}};
    REQUIRE(run("matrix", params).code == 0);
    CHECK(contents(scratch / "out/embeddings/d.U.npy") == bytes);
    params["sha256"] = std::string(64, '0');
    CHECK(run("matrix", params).code == 3);
    CHECK(contains(contents(scratch / "out/points/d.U.json"), "has the SHA-256 checksum "));
    CHECK(contains(run("matrix", {{"file", "a"}}).err, "/datasets/0/params"));
    CHECK(contains(run("matrix", {{"files", {{{"file", "a"}, {"batch", "A"}}}}}).err,
                   "/datasets/0/params/files: has one element, must have two or more"));
    CHECK(contains(run("matrix", {{"files", {{{"file", "nowhere"}, {"batch", "A"}}, both[1]}}}).err,
                   "/datasets/0/params/files/0/file: data file nowhere is neither beside"));
}

TEST_CASE("inspect: what is in tables, .npy files and 10x folders, and a config that runs", "[matrix][cli]") {
    const Scratch scratch;
    write(scratch / "cells.csv", cells_csv(8));
    write(scratch / "meta.csv", "name,donor\nc1,A\nc2,B\nc3,A\nc4,B\nc5,A\nc6,B\nc7,A\nc8,B\n");
    const Output cells = scratch("inspect '" + (scratch / "cells.csv") + "'");
    CHECK(cells.code == 0);
    CHECK(contains(cells.out, "cells.csv: 8 cells, 2 features: the numbers of a table"));
    const Output meta = scratch("inspect '" + (scratch / "meta.csv") + "'");
    CHECK(contains(meta.out, "donor  2 labels: A 4, B 4"));
    std::string config = meta.out.substr(meta.out.find('{'));
    const std::string placeholder = "CELLS_FILE";
    config.replace(config.find(placeholder), placeholder.size(), "cells.csv");
    write(scratch / "c.json", config);
    CHECK(json::parse(config)["datasets"][0]["params"]["batch_column"] == "donor");
    CHECK(scratch("validate '" + (scratch / "c.json") + "'").code == 0);
    std::filesystem::create_directory(scratch / "tenx");
    write(scratch / "tenx/matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n3 2 2\n1 1 5\n2 2 7\n");
    write(scratch / "tenx/barcodes.tsv", "c1\nc2\n");
    write(scratch / "tenx/features.tsv", "g1\tA\ng2\tB\ng3\tC\n");
    const std::string tenx = scratch("inspect '" + (scratch / "tenx") + "'").out;
    CHECK(contains(tenx, "tenx: 2 cells, 3 features, sparse with 2 entries (33.3 %)"));
    CHECK(contains(tenx, "A config for it, which needs your own in place of METADATA_FILE and BATCH_COLUMN:"));
    write(scratch / "x.npy", "no array");
    CHECK(scratch("inspect '" + (scratch / "x.npy") + "'").code == 2);
}
