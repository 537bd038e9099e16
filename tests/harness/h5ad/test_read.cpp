// Files as AnnData lays them out, written by the library itself: what is read is what was written.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

void check_small(const H5adData<double>& data) {
    REQUIRE(data.cells.n_rows == small_n_dimensions);
    REQUIRE(data.cells.n_cols == small_n_cells);
    const std::vector<float> expected = small_cells(small_n_cells, small_n_dimensions);
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(data.cells(i) == static_cast<double>(expected[i]));
    REQUIRE(data.labels.size() == 1);
    const H5adLabelColumn& donor = data.labels[0];
    // numbered by first appearance: the first cell is of donor B
    CHECK(donor.labels.names == std::vector<std::string>{"B", "A"});
    CHECK(donor.labels.code == std::vector<std::uint32_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
    CHECK(donor.categories == std::vector<std::string>{"A", "B", "C"});
    CHECK(data.cell_names.size() == small_n_cells);
    CHECK(data.cell_names[7] == "c7");
    CHECK(data.feature_names == std::vector<std::string>{"X_pca1", "X_pca2", "X_pca3"});
}

H5adRequest with_donor(const std::string& cells = "obsm/X_pca") {
    H5adRequest request = small_request(cells);
    request.label_columns = {"donor"};
    return request;
}

}  // namespace

TEST_CASE("h5ad: every layout and filter of the library gives the numbers that were written", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    const H5Storage plain;
    H5Storage gzip{{4}, true}, matrix{{4, 2}, true};
    SECTION("in one piece") { small_file(file); }
    SECTION("in chunks, the last ones cut") { small_file(file, {{4}}, {{4, 2}}); }
    SECTION("gzip") { small_file(file, gzip, matrix); }
    SECTION("shuffled, gzip, with checksums") {
        for (H5Storage* storage : {&gzip, &matrix}) storage->shuffle = storage->fletcher32 = true;
        small_file(file, gzip, matrix);
    }
    SECTION("the newest format of the library, whose chunks have other indices") {
        small_file(file, gzip, matrix, true);
    }
    SECTION("one chunk larger than the array") { small_file(file, {{100}, true}, {{100, 7}, true}); }
    SECTION("small arrays inside their headers") {
        H5Storage compact;
        compact.compact = true;
        small_file(file, plain, compact);
    }
    check_small(read_h5ad<double>(file, with_donor()));
    H5adRequest several = with_donor();
    several.limits.threads = 3;
    check_small(read_h5ad<double>(file, several));
}

TEST_CASE("h5ad: sparse counts by cell and by feature are the same matrix", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    {
        H5File written(file);
        write_small(written);
        written.group("layers");
        // the same by feature: feature j has the cells i with i % 4 == j
        std::vector<std::int64_t> starts = {0}, cells;
        std::vector<float> values;
        for (std::size_t j = 0; j < small_n_features; ++j) {
            for (std::size_t i = j; i < small_n_cells; i += small_n_features) {
                cells.push_back(static_cast<std::int64_t>(i));
                values.push_back(static_cast<float>(i + 1));
            }
            starts.push_back(static_cast<std::int64_t>(cells.size()));
        }
        written.group("layers/by_feature", "csc_matrix");
        written.attribute("layers/by_feature", "shape", std::vector<std::int64_t>{small_n_cells, small_n_features});
        written.integers("layers/by_feature/indptr", starts);
        written.integers("layers/by_feature/indices", cells);
        written.floats("layers/by_feature/data", {values.size()}, values);
    }
    const auto by_cell = read_h5ad<double>(file, with_donor("X"));
    const auto by_feature = read_h5ad<double>(file, with_donor("layers/by_feature"));
    REQUIRE(by_cell.is_sparse);
    REQUIRE(by_feature.is_sparse);
    require_valid(by_cell.sparse);
    require_valid(by_feature.sparse);
    const Matrix<double> dense = to_dense(by_cell.sparse);
    for (std::size_t i = 0; i < small_n_cells; ++i) {
        for (std::size_t j = 0; j < small_n_features; ++j) {
            REQUIRE(dense(j, i) == (i % small_n_features == j ? static_cast<double>(i + 1) : 0.0));
        }
    }
    CHECK(arma::approx_equal(to_dense(by_feature.sparse), dense, "absdiff", 0.0));
    CHECK(by_cell.feature_names == std::vector<std::string>{"g0", "g1", "g2", "g3"});
}

TEST_CASE("h5ad: unsorted entries are sorted, doubled ones refused", "[h5ad]") {
    const TemporaryDirectory directory;
    const auto written = [&](const std::vector<std::int64_t>& indices) {
        const std::string file = directory.file("x.h5ad");
        H5File small(file);
        write_small(small);
        small.group("layers");
        small.group("layers/s", "csr_matrix");
        small.attribute("layers/s", "shape", std::vector<std::int64_t>{small_n_cells, small_n_features});
        small.integers("layers/s/indptr", {0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3});
        small.integers("layers/s/indices", indices);
        small.floats("layers/s/data", {3}, {30.0F, 10.0F, 20.0F});
        return file;
    };
    const auto data = read_h5ad<float>(written({3, 0, 2}), with_donor("layers/s"));
    CHECK(data.sparse.feature == std::vector<std::uint32_t>{0, 2, 3});
    CHECK(data.sparse.value == std::vector<float>{10.0F, 20.0F, 30.0F});
    CHECK(refusal(written({3, 0, 3}), "layers/s") ==
          "layers/s: has two entries for cell 0, feature 3; in Python, adata.X.sum_duplicates() adds them up");
}

TEST_CASE("h5ad: numbers of every width and order", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    const std::vector<std::int64_t> values = {0, 1, 2, 3, 100, 5, 6, 7, 127, 9};
    const hid_t types[] = {H5T_STD_I8LE,  H5T_STD_U8LE,  H5T_STD_I16BE, H5T_STD_U16LE,  H5T_STD_I32BE,
                           H5T_STD_U32LE, H5T_STD_I64BE, H5T_STD_U64LE, H5T_IEEE_F32BE, H5T_IEEE_F64BE};
    {
        H5File written(file);
        write_small(written);
        int i = 0;
        for (const hid_t type : types) {
            written.integers("obs/n" + std::to_string(i), values, type);
            written.array("obsm/m" + std::to_string(i), H5T_NATIVE_INT64, {10, 1}, values.data(), {}, type);
            ++i;
        }
        written.remove("obs/kind");
        written.remove("obs/count");
        const Handle obs = made(H5Oopen(written.id(), "obs", H5P_DEFAULT), H5Oclose);
        H5Adelete(obs.get(), "column-order");  // without it every member is a column
    }
    for (int i = 0; i < 10; ++i) {
        H5adRequest request = with_donor("obsm/m" + std::to_string(i));
        request.number_columns = {"n" + std::to_string(i)};
        request.label_columns.push_back("n" + std::to_string(i));
        const auto data = read_h5ad<double>(file, request);
        INFO("type " << i);
        for (std::size_t row = 0; row < values.size(); ++row) {
            REQUIRE(data.cells(0, row) == static_cast<double>(values[row]));
            REQUIRE(data.numbers[0].values[row] == static_cast<double>(values[row]));
            REQUIRE(data.labels[1].labels.names[data.labels[1].labels.code[row]] == std::to_string(values[row]));
        }
    }
}

TEST_CASE("h5ad: a float of 16 bits is the number it stands for", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    const std::uint16_t bits[10] = {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x03ff, 0x3555, 0x8000, 0x0000, 0x4248};
    // by IEEE 754-2008: 1, -2, the largest, the smallest normal, the smallest and largest subnormal, about 1/3, -0,
    // 0, 3.140625
    const double values[10] = {
        1,    -2,  65504,   std::ldexp(1.0, -14), std::ldexp(1.0, -24), std::ldexp(1023.0, -24), 0.333251953125,
        -0.0, 0.0, 3.140625};
    {
        H5File written(file);
        write_small(written);
        const Handle half = made(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
        H5Tset_fields(half.get(), 15, 10, 5, 0, 10);
        H5Tset_ebias(half.get(), 15);
        H5Tset_size(half.get(), 2);
        written.array("obsm/half", half.get(), {10, 1}, bits);
    }
    const auto data = read_h5ad<double>(file, with_donor("obsm/half"));
    for (std::size_t i = 0; i < 10; ++i) CHECK(data.cells(0, i) == values[i]);
}

TEST_CASE("h5ad: missing labels are an error, left out, or a label", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    {
        H5File written(file);
        write_small(written);
        written.remove("obs/donor");
        written.categorical("obs/donor", {1, -1, 0, 2, 1, 0, -1, 1, 0, 1}, {"A", "B", "nan"});
    }
    CHECK(refusal(file) ==
          "obs/donor: 3 of 10 cells have no label, the first at row 1; missing: \"drop\" leaves them out, \"label\" "
          "gives them the label 'missing'");
    H5adRequest request = with_donor();
    request.missing = MissingLabels::drop;
    const auto dropped = read_h5ad<double>(file, request);
    CHECK(dropped.rows == std::vector<std::size_t>{0, 2, 4, 5, 7, 8, 9});
    CHECK(dropped.cells(0, 1) == 2.0);
    CHECK(dropped.cell_names[1] == "c2");
    CHECK(dropped.labels[0].n_missing == 3);
    CHECK(dropped.n_cells_in_file == 10);
    request.missing = MissingLabels::label;
    const auto labelled = read_h5ad<double>(file, request);
    CHECK(labelled.labels[0].labels.names == std::vector<std::string>{"B", "missing", "A"});
    CHECK(labelled.labels[0].labels.code == std::vector<std::uint32_t>{0, 1, 2, 1, 0, 2, 1, 0, 2, 0});
}

TEST_CASE("h5ad: subsets and samples", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad"));
    H5adRequest request = with_donor();
    request.subset_column = "kind";
    request.subset_values = {"t1"};
    CHECK(read_h5ad<double>(file, request).rows == std::vector<std::size_t>{4, 5, 6, 7, 8, 9});
    request.subset_values = {"t2"};
    CHECK(error_of([&] { read_h5ad<double>(file, request); }) ==
          file + ": obs/kind: no cell has the label 't2' (did you mean 't0'?)");
    request.subset_values = {"t1"};
    request.n_cells = 4;
    request.stratify_column = "donor";
    const auto sampled = read_h5ad<double>(file, request);
    REQUIRE(sampled.rows.size() == 4);
    CHECK(std::is_sorted(sampled.rows.begin(), sampled.rows.end()));
    CHECK(label_sizes(sampled.labels[0].labels) == std::vector<std::size_t>{2, 2});
    for (std::size_t i = 0; i < 4; ++i) CHECK(sampled.cells(0, i) == static_cast<double>(sampled.rows[i]));
    CHECK(read_h5ad<double>(file, request).rows == sampled.rows);
    // six cells choose four in 9 stratified ways; other seeds give others
    std::set<std::vector<std::size_t>> seen;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        request.seed = seed;
        seen.insert(read_h5ad<double>(file, request).rows);
    }
    CHECK(seen.size() > 1);
    request = with_donor("X");
    request.n_cells = 3;
    const auto sparse = read_h5ad<double>(file, request);
    require_valid(sparse.sparse);
    REQUIRE(sparse.sparse.n_cells() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(sparse.sparse.value[i] == static_cast<double>(sparse.rows[i] + 1));
}

TEST_CASE("h5ad: tables of AnnData 0.6 are read, with texts of either kind beside them", "[h5ad]") {
    struct Row {
        const char* note;  // variable length: 8 bytes in memory, 16 on disk
        char index[4];
        signed char donor;
        double score;
    };
    struct Embedding {
        float pca[3];
    };
    const TemporaryDirectory directory;
    const std::string file = directory.file("x.h5ad");
    {
        std::vector<Row> rows;
        std::vector<Embedding> cells;
        for (int i = 0; i < 10; ++i) {
            Row row = {"note", {'c', static_cast<char>('0' + i), '\0', '\0'}, static_cast<signed char>(i % 2), i / 4.0};
            rows.push_back(row);
            const float f = static_cast<float>(i);
            cells.push_back({{f, f + 0.125F, f + 0.25F}});
        }
        H5File written(file);
        const Handle fixed = made(H5Tcopy(H5T_C_S1), H5Tclose);
        H5Tset_size(fixed.get(), 4);
        const Handle text = h5_text_type();
        const Handle row_type = made(H5Tcreate(H5T_COMPOUND, sizeof(Row)), H5Tclose);
        H5Tinsert(row_type.get(), "note", offsetof(Row, note), text.get());
        H5Tinsert(row_type.get(), "index", offsetof(Row, index), fixed.get());
        H5Tinsert(row_type.get(), "donor", offsetof(Row, donor), H5T_NATIVE_INT8);
        H5Tinsert(row_type.get(), "score", offsetof(Row, score), H5T_NATIVE_DOUBLE);
        written.array("obs", row_type.get(), {10}, rows.data(), {{4}, true});
        const hsize_t width = 3;
        const Handle vector = made(H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &width), H5Tclose);
        const Handle embedding = made(H5Tcreate(H5T_COMPOUND, sizeof(Embedding)), H5Tclose);
        H5Tinsert(embedding.get(), "X_pca", 0, vector.get());
        written.array("obsm", embedding.get(), {10}, cells.data());
        written.group("uns");
        written.texts("uns/donor_categories", {"B", "A"});
    }
    H5adRequest request = with_donor();
    request.number_columns = {"score"};
    const auto data = read_h5ad<double>(file, request);
    CHECK(data.cell_names[9] == "c9");
    CHECK(data.labels[0].labels.names == std::vector<std::string>{"B", "A"});
    CHECK(data.numbers[0].values[3] == 0.75);
    CHECK(data.cells(2, 5) == 5.25);
    CHECK(refusal(file, "obsm/X_pca", {"note"}) == "obs/note: holds string, expected numbers or texts");
    H5adAdditions additions;
    additions.embeddings = {{"X_new", Matrix<float>(2, 10)}};
    CHECK_THROWS_WITH(write_h5ad(file, directory.file("out.h5ad"), additions, small_limits()),
                      Catch::Contains("obsm: is one table") && Catch::Contains("brings the file up to date"));
}
