// What a file holds, and a config that runs on it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;

TEST_CASE("h5ad: the summary says what is in the file", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    {
        H5File written(file);
        write_small(written);
        written.group("uns");
        written.texts("uns/title", {"t"});
        written.group("obsm/df", "dataframe");
        H5Lcreate_soft("/obsm/X_pca", written.id(), "obsm/link", H5P_DEFAULT, H5P_DEFAULT);
    }
    const H5adSummary summary = describe_h5ad(file, small_limits());
    CHECK(summary.n_cells == 10);
    CHECK(summary.n_features == 4);
    CHECK(summary.layout == "AnnData 0.8 or later");
    REQUIRE(summary.columns.size() == 3);
    CHECK(summary.columns[0].kind == "categorical");
    CHECK(summary.columns[0].n_labels == 2);
    CHECK(summary.columns[0].labels == std::vector<std::pair<std::string, std::size_t>>{{"A", 5}, {"B", 5}});
    CHECK(summary.columns[1].labels == std::vector<std::pair<std::string, std::size_t>>{{"t1", 6}, {"t0", 4}});
    CHECK(summary.columns[2].kind == "integer");
    CHECK(summary.columns[2].largest == 90.0);
    REQUIRE(summary.arrays.size() == 4);
    CHECK(summary.arrays[0].storage == "csr");
    CHECK(summary.arrays[0].n_entries == 10);
    CHECK(summary.arrays[1].path == "obsm/X_pca");
    CHECK(summary.arrays[1].element == "float32");
    CHECK(summary.arrays[2].fault.find("is a data frame") == 0);
    CHECK(summary.arrays[3].fault.find("is a soft link") == 0);

    const std::string text = h5ad_text(summary);
    INFO(text);
    CHECK(contains(text, "x.h5ad: 10 cells, 4 features, "));
    CHECK(contains(text, "  donor  categorical  2 labels: A 5, B 5\n"));
    CHECK(contains(text, "  count  integer      0 to 90; 10 labels: 0 1, 10 1, 20 1, 30 1, 40 1, 50 1, ...\n"));
    CHECK(contains(text, "  X           10 x 4 float32, csr with 10 entries (25 %), whole numbers\n"));
    CHECK(contains(text, "\nuns: title\n"));
}

TEST_CASE("h5ad: the config that is offered names batch, type and cells", "[h5ad]") {
    const TemporaryDirectory directory;
    H5adSummary summary = describe_h5ad(small_file(directory.file("x.h5ad")), small_limits());
    const auto params = [&] { return nlohmann::json::parse(h5ad_config(summary)).at("datasets").at(0).at("params"); };
    CHECK(params() == nlohmann::json{{"file", "x.h5ad"}, {"cells", "obsm/X_pca"}, {"batch_column", "donor"}});
    summary.columns[1].name = "Cell_Type_coarse";
    summary.columns[1].n_missing = 2;
    summary.arrays[1].path = "obsm/X_umap";
    summary.arrays[1].n_columns = 2;
    CHECK(params() == nlohmann::json{{"file", "x.h5ad"},
                                     {"cells", "X"},
                                     {"batch_column", "donor"},
                                     {"type_column", "Cell_Type_coarse"},
                                     {"missing", "drop"},
                                     {"preprocess", {"normalize_total", "log1p"}}});
    summary.columns.clear();
    CHECK(params().at("batch_column") == "BATCH_COLUMN");
}

TEST_CASE("h5ad: counts are seen to be counts, and the config offered takes them to components", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    {
        H5File written(file);
        write_small(written);
        written.remove("obsm/X_pca");
        written.group("layers", "dict");
        const auto layer = [&](const char* name, float first) {
            std::vector<float> values(small_n_cells * small_n_features, 2.0F);
            values[1] = first;
            written.floats(name, {small_n_cells, small_n_features}, values);
        };
        layer("layers/counts", 3.0F);
        layer("layers/log", 0.5F);
        layer("layers/scaled", -1.0F);
        written.array("layers/unwritten", H5T_IEEE_F32LE, {small_n_cells, small_n_features}, nullptr);
    }
    H5adSummary summary = describe_h5ad(file, small_limits());
    std::map<std::string, bool> counts;
    for (const H5adArray& array : summary.arrays) counts[array.path] = array.counts;
    CHECK(counts["layers/counts"]);
    CHECK_FALSE(counts["layers/log"]);
    CHECK_FALSE(counts["layers/scaled"]);
    CHECK_FALSE(counts["layers/unwritten"]);
    CHECK(contains(h5ad_text(summary), "  layers/counts     10 x 4 float32, whole numbers\n"));

    const auto params = [&] { return nlohmann::json::parse(h5ad_config(summary)).at("datasets").at(0).at("params"); };
    const auto array_at = [&](const std::string& path) {
        return std::find_if(summary.arrays.begin(), summary.arrays.end(),
                            [&](const H5adArray& array) { return array.path == path; });
    };
    CHECK(params().at("cells") == "layers/counts");
    CHECK(params().at("preprocess") == nlohmann::json{"normalize_total", "log1p"});  // few features are no genes
    array_at("layers/counts")->n_columns = 20'000;
    array_at("layers/counts")->n_rows = 40;
    CHECK(params().at("preprocess") == nlohmann::json{"normalize_total",
                                                      "log1p",
                                                      {{"highly_variable", {{"n_top_genes", 2000}}}},
                                                      {{"pca", {{"n_components", 39}}}}});
    array_at("layers/counts")->counts = array_at("X")->counts = false;
    array_at("X")->n_columns = array_at("X")->n_rows = 5000;
    CHECK(params().at("cells") == "X");
    CHECK(params().at("preprocess") ==
          nlohmann::json{{{"highly_variable", {{"n_top_genes", 2000}}}}, {{"pca", {{"n_components", 50}}}}});
    array_at("X")->storage = "dense";
    CHECK(params().at("preprocess") == nlohmann::json::array({{{"pca", {{"n_components", 50}}}}}));
}
