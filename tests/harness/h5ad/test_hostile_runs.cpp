// Files that are broken or mean harm, as a user meets them: in a run. And the memory that a whole file takes.
#include <malloc.h>

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

[[maybe_unused]] std::uint64_t peak_of(const Scratch& scratch, const std::string& stage) {
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

#if !defined(BCBENCH_SANITIZED)
TEST_CASE("h5ad: a file takes less than twice its size of memory", "[h5ad][cli]") {
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
    const auto size_of = [&](const char* file) {
        return static_cast<double>(std::filesystem::file_size(scratch / file));
    };
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
        return static_cast<double>(peak_of(scratch, "load"));
    };
    for (const char* precision : {"float64", "float32"}) {
        // the doubles are 80 of 99 MB; for each cell there are also its name (32 bytes), its label and its row
        const double added = peak("large.h5ad", precision) - peak("small.h5ad", precision);
        INFO(precision << ": " << added / size_of("large.h5ad") << " times the file");
        CHECK(added < 2.0 * size_of("large.h5ad"));
    }
}

TEST_CASE("h5ad: sparse counts take less than twice their file's size of memory", "[h5ad]") {
    const Scratch scratch;
    const std::string file = scratch / "counts.h5ad";
    constexpr std::int64_t n = 50'000, n_genes = 1000, per_cell = 80;
    {
        std::vector<std::int64_t> starts(n + 1), indices(n * per_cell);
        for (std::int64_t i = 0; i <= n; ++i) starts[static_cast<std::size_t>(i)] = i * per_cell;
        for (std::size_t j = 0; j < indices.size(); ++j) indices[j] = static_cast<std::int64_t>(j) % per_cell;
        H5File written(file);
        written.group("obs", "dataframe");
        written.attribute("obs", "_index", std::vector<std::string>{"_index"});
        written.texts("obs/_index", std::vector<std::string>(n, "cell"));
        written.group("var", "dataframe");
        written.attribute("var", "_index", std::vector<std::string>{"_index"});
        written.texts("var/_index", std::vector<std::string>(n_genes, "gene"));
        written.group("X", "csr_matrix");
        written.attribute("X", "shape", std::vector<std::int64_t>{n, n_genes});
        written.integers("X/indptr", starts);
        written.integers("X/indices", indices, H5T_STD_I32LE);
        written.floats("X/data", {indices.size()}, std::vector<float>(indices.size(), 1.0F));
    }
    const auto bytes_of = [](const std::string& name) {
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with(name + ":")) return 1024.0 * std::stod(line.substr(name.size() + 1));
        return 0.0;
    };
    const auto size = static_cast<double>(std::filesystem::file_size(file));
    malloc_trim(0);                               // memory that was freed is there no more,
    std::ofstream("/proc/self/clear_refs") << 5;  // and the peak begins anew
    const double before = bytes_of("VmRSS");
    const auto data = read_h5ad<double>(file, small_request("X"));
    REQUIRE(data.sparse.n_entries() == n * per_cell);
    // of 8 bytes in the file an entry becomes 12, 1.5 times; each array that is not given back would add half the file
    const double added = bytes_of("VmHWM") - before;
    INFO(added / size << " times the file");
    CHECK(added > 1.2 * size);  // or it was not measured
    CHECK(added < 1.8 * size);
}
#endif
