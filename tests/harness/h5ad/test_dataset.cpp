// The dataset type on top: batches, types and covariates by their columns.
#include <catch2/catch.hpp>

#include "experiments/h5ad/dataset.hpp"
#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

h5ad::Options small_options(const std::string& file) {
    h5ad::Options options;
    options.file = file;
    options.batch_column = "donor";
    return options;
}

}  // namespace

TEST_CASE("h5ad: a dataset has its batches, types, covariates and names", "[h5ad]") {
    const TemporaryDirectory directory;
    h5ad::Options options = small_options(small_file(directory.file("x.h5ad")));
    options.type_column = "kind";
    options.covariates = {"count"};
    options.scale = 2.0;
    const Dataset<double> data = h5ad::load(options, 0, small_limits());
    require_valid(data);
    CHECK(data.cells(1, 3) == 6.25);
    CHECK(data.batch.names == std::vector<std::string>{"B", "A"});
    CHECK(data.type.names == std::vector<std::string>{"t0", "t1"});
    CHECK(find_column(data, "donor") == &data.batch);
    REQUIRE(find_column(data, "count") != nullptr);
    CHECK(find_column(data, "count")->names[9] == "90");
    CHECK(data.about->cell_names[9] == "c9");
    CHECK(data.about->feature_names[0] == "X_pca1");
    options.type_column.clear();
    CHECK(h5ad::load(options, 0, small_limits()).type.empty());
}

TEST_CASE("h5ad: a dataset of sparse counts has its zeros, as far as the memory goes", "[h5ad]") {
    const TemporaryDirectory directory;
    h5ad::Options options = small_options(small_file(directory.file("x.h5ad")));
    options.cells = "X";
    const Dataset<double> data = h5ad::load(options, 0, small_limits());
    REQUIRE(data.cells.n_rows == small_n_features);
    CHECK(data.cells(1, 5) == 6.0);
    CHECK(arma::accu(data.cells) == 55.0);
    // ten entries that would be ten million numbers
    const std::string wide = directory.file("wide.h5ad");
    {
        H5File file(wide);
        write_small(file);
        file.group("obsm/wide", "csr_matrix");
        file.attribute("obsm/wide", "shape", std::vector<std::int64_t>{small_n_cells, 1'000'000});
        file.integers("obsm/wide/indptr", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
        file.integers("obsm/wide/indices", {0, 1, 2, 3, 4, 5, 6, 7, 8, 999'999});
        file.floats("obsm/wide/data", {10}, std::vector<float>(10, 1.0F));
    }
    options = small_options(wide);
    options.cells = "obsm/wide";
    H5adLimits limits = small_limits();
    limits.memory = 50'000'000;
    CHECK(error_of([&] { h5ad::load(options, 0, limits); }) ==
          wide +
              ": obsm/wide: with its zeros would take 80.0 MB of memory, the limit is 50.0 MB; take principal "
              "components, or fewer cells with n_cells");
}

TEST_CASE("h5ad: the rows of a drawn dataset are known", "[h5ad]") {
    const TemporaryDirectory directory;
    h5ad::Options options = small_options(small_file(directory.file("x.h5ad")));
    options.n_cells = 4;
    options.subset_column = "kind";
    options.subset = {"t1"};
    const Dataset<double> data = h5ad::load(options, 7, small_limits());
    const std::vector<std::size_t> rows = h5ad::rows_of(options, 7, small_limits());
    REQUIRE(rows.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(data.cells(0, i) == static_cast<double>(rows[i]));
    options.subset.clear();
    CHECK_THROWS_WITH(h5ad::load(options, 7, small_limits()),
                      "subset_column and subset: both or neither must be given");
    options.subset_column.clear();
    options.missing = "ignore";
    CHECK_THROWS_WITH(h5ad::load(options, 7, small_limits()), "missing: is 'ignore', expected error, drop or label");
}
