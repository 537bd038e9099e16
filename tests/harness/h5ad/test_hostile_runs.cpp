// Files that are broken or mean harm, as a user meets them: in a run. And the memory that a whole file takes.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/harness/h5ad/small.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

void sparse_layer(H5File& file, const std::vector<std::int64_t>& starts, const std::vector<std::int64_t>& indices) {
    file.group("layers");
    file.group("layers/s", "csr_matrix");
    file.attribute("layers/s", "shape", std::vector<std::int64_t>{small_n_cells, small_n_features});
    file.integers("layers/s/indptr", starts);
    file.integers("layers/s/indices", indices);
    file.floats("layers/s/data", {indices.size()}, std::vector<float>(indices.size(), 1.0F));
}

struct Hostile {
    std::string name;
    std::function<void(H5File&)> change;
    json params;
    std::string expected;  // of the message
};

const std::vector<Hostile>& hostile_files() {
    const std::vector<std::int64_t> starts = {0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    const auto obsm = [](hsize_t rows, hsize_t columns, const H5Storage& storage) {
        return [=](H5File& file) { file.array("obsm/big", H5T_IEEE_F32LE, {rows, columns}, nullptr, storage); };
    };
    static const std::vector<Hostile> all = {
        {"wrong_shape",
         [](H5File& file) {
             file.floats("obsm/cube", {10, 3, 2}, small_cells(10, 6));
         },
         {{"cells", "obsm/cube"}},
         "obsm/cube: has 3 dimensions, expected 1 or 2"},
        {"index_out_of_range",
         [=](H5File& file) {
             sparse_layer(file, starts, {0, 4});
         },
         {{"cells", "layers/s"}},
         "layers/s/indices: entry 1 has the index 4, expected 0 to 3"},
        {"decreasing",
         [](H5File& file) {
             sparse_layer(file, {0, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2}, {0, 1});
         },
         {{"cells", "layers/s"}},
         "layers/s/indptr: decreases from 2 to 1 at cell 1"},
        {"cycle",
         [](H5File& file) {
             file.remove("obsm/X_pca");
             H5Lcreate_soft("/obsm/X_pca", file.id(), "obsm/X_pca", H5P_DEFAULT, H5P_DEFAULT);
         },
         json::object(), "obsm/X_pca: is a soft link, which is not followed"},
        {"hard_cycle",
         [](H5File& file) { H5Lcreate_hard(file.id(), "/", file.id(), "obsm/loop", H5P_DEFAULT, H5P_DEFAULT); },
         {{"cells", "obsm/loop"}},
         "obsm/loop: has the encoding 'anndata'"},
        {"external",
         [](H5File& file) {
             file.remove("obsm/X_pca");
             H5Lcreate_external("good.h5ad", "obsm/X_pca", file.id(), "obsm/X_pca", H5P_DEFAULT, H5P_DEFAULT);
         },
         json::object(), "obsm/X_pca: is a link to another file, which is not followed"},
        {"enormous",
         obsm(hsize_t{1} << 60, 1, {{1 << 20, 1}}),
         {{"cells", "obsm/big"}},
         "obsm/big: has 1,152,921,504,606,846,976 rows, but obs has 10 cells"},
        {"enormous_chunk",
         obsm(10, 3, {{1 << 14, 1 << 15}}),
         {{"cells", "obsm/big"}},
         "obsm/big: has chunks of 2.1 GB, at most 1.1 GB are read"},
        {"other_length",
         [](H5File& file) {
             file.floats("obsm/short", {9, 3}, small_cells(9, 3));
         },
         {{"cells", "obsm/short"}},
         "obsm/short: has 9 rows, but obs has 10 cells"},
        {"no_column",
         [](H5File&) {},
         {{"batch_column", "doner"}},
         "obs: there is no column 'doner' (did you mean 'donor'?)"},
        {"missing_labels",
         [](H5File& file) {
             file.remove("obs/donor");
             file.categorical("obs/donor", {0, 1, 0, 1, 0, 1, 0, 1, 0, -1}, {"A", "B"});
         },
         json::object(), "obs/donor: 1 of 10 cells have no label, the first at row 9"},
    };
    return all;
}

std::uint64_t peak_of(const Scratch& scratch, const std::string& stage) {
    std::istringstream lines(contents(scratch / "out/timings.csv"));
    for (std::string line; std::getline(lines, line);)
        if (contains(line, "," + stage + ",")) return std::stoull(line.substr(line.rfind(',') + 1));
    FAIL("there is no stage " << stage);
    return 0;
}

}  // namespace

TEST_CASE("h5ad: in a run hostile files fail their own points, by the place inside the file, with code 3",
          "[h5ad][cli]") {
    const Scratch scratch;
    json datasets = json::array();
    const auto add = [&](const std::string& label, const json& params) {
        json all = {{"file", label + ".h5ad"}, {"batch_column", "donor"}};
        all.update(params);
        datasets.push_back({{"label", label}, {"type", "h5ad"}, {"params", all}});
    };
    const std::string good = contents(small_file(scratch / "good.h5ad"));
    add("good", json::object());
    scratch.directory.write("truncated.h5ad", good.substr(0, good.size() / 2));
    add("truncated", json::object());
    scratch.directory.write("no_hdf5.h5ad", "cell,batch\nc1,A\n");
    add("no_hdf5", json::object());
    for (const Hostile& hostile : hostile_files()) {
        {
            H5File file(scratch / (hostile.name + ".h5ad"));
            write_small(file);
            hostile.change(file);
        }
        add(hostile.name, hostile.params);
    }
    const json config = small_config({{"datasets", datasets},
                                      {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}},
                                      {"metrics", {"mean_shift"}}});
    scratch.directory.write("c.json", config.dump());
    const Output run = scratch("run '" + (scratch / "c.json") + "' --out '" + (scratch / "out") + "'");
    CHECK(run.code == 3);
    CHECK(contains(run.err, "1 of " + std::to_string(datasets.size()) + " points ok"));
    const auto error_in = [&](const std::string& label) {
        const json point = json::parse(contents(scratch / ("out/points/" + label + ".U.json")));
        CHECK(point["status"] == "failed");
        return point["reason"].get<std::string>();
    };
    CHECK(contains(error_in("truncated"), "truncated.h5ad: the HDF5 library cannot open it: it is truncated"));
    CHECK(contains(error_in("no_hdf5"), "no_hdf5.h5ad: is no HDF5 file; expected an .h5ad file"));
    for (const Hostile& hostile : hostile_files()) {
        INFO(hostile.name);
        CHECK(contains(error_in(hostile.name), hostile.name + ".h5ad: " + hostile.expected));
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("h5ad: a file of cells takes the memory of their doubles, and little more", "[h5ad][cli]") {
    const Scratch scratch;
    constexpr std::size_t n = 200'000, f = 50;
    small_file(scratch / "small.h5ad");
    {
        H5File file(scratch / "large.h5ad");
        file.attribute("/", "encoding-type", std::vector<std::string>{"anndata"});
        file.group("obs", "dataframe");
        file.attribute("obs", "_index", std::vector<std::string>{"_index"});
        file.attribute("obs", "column-order", std::vector<std::string>{"donor"});
        file.texts("obs/_index", std::vector<std::string>(n, "cell"));
        std::vector<std::int64_t> donor(n, 0);
        donor[1] = 1;
        file.categorical("obs/donor", donor, {"A", "B"});
        file.group("obsm", "dict");
        file.floats("obsm/X_pca", {n, f}, small_cells(n, f));
    }
    const auto peak = [&](const std::string& file, const std::string& precision) {
        const json config = small_config(
            {{"precision", precision},
             {"datasets",
              {{{"label", "d"}, {"type", "h5ad"}, {"params", {{"file", file}, {"batch_column", "donor"}}}}}},
             {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}},
             {"metrics", {"mean_shift"}}});
        scratch.directory.write("c.json", config.dump());
        const Output run = scratch("run '" + (scratch / "c.json") + "' --fresh --out '" + (scratch / "out") + "'");
        REQUIRE(run.code == 0);
        return peak_of(scratch, "load");
    };
    for (const char* precision : {"float64", "float32"}) {
        const double added =
            static_cast<double>(peak("large.h5ad", precision)) - static_cast<double>(peak("small.h5ad", precision));
        INFO(precision << " " << added / (n * f * sizeof(double)) << " times the doubles");
        CHECK(added < 1.3 * n * f * sizeof(double));
    }
}
#endif
