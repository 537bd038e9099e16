// Matrix Market files and 10x folders: what is read, and how the wrong ones are refused.
#include <zlib.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "engine/io/matrix_market.hpp"
#include "tests/support/data_errors.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

const std::string head = "%%MatrixMarket matrix coordinate integer general\n";

SparseCells<double> parsed(const std::string& text, CellsAre cells_are = CellsAre::columns) {
    SparseCells<double> cells = read_matrix_market<double>("m", bytes_of(text), cells_are);
    require_valid(cells);
    return cells;
}

std::string refusal(const std::string& text) {
    return error_of([&] { parsed(text); });
}

void write_gzip(const std::string& path, const std::string& text) {
    const gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
}

}  // namespace

TEST_CASE("matrix market: rows are features, columns cells, in any order", "[matrix_market]") {
    const std::string text = head + "% a comment\n\n3 4 5\n3 1 7\n1 1 5\n2 4 1\r\n1 4 2\n 3\t3  -1\n\n";
    const SparseCells<double> cells = parsed(text);
    CHECK(cells.n_features == 3);
    CHECK(cells.start == std::vector<std::uint64_t>{0, 2, 2, 3, 5});
    CHECK(cells.feature == std::vector<std::uint32_t>{0, 2, 2, 0, 1});
    CHECK(cells.value == std::vector<double>{5, 7, -1, 2, 1});
    const SparseCells<double> turned = parsed(text, CellsAre::rows);
    CHECK(arma::approx_equal(to_dense(turned), to_dense(cells).t(), "absdiff", 0.0));
    // the last line needs no end, numbers may be real, patterns have none
    CHECK(parsed("%%matrixmarket MATRIX Coordinate Real General\n1 1 1\n1 1 2.5e-1").value ==
          std::vector<double>{0.25});
    CHECK(parsed("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n2 1\n").value == std::vector<double>{1});
    CHECK(parsed(head + "5 3 0\n").n_cells() == 3);
}

TEST_CASE("matrix market: wrong files are refused with their line", "[matrix_market]") {
    CHECK(refusal("") == "m:1: the file is empty; expected a Matrix Market file");
    CHECK(refusal("gene,c1\n") ==
          "m:1: expected a Matrix Market file, which begins with '%%MatrixMarket matrix coordinate'");
    CHECK(refusal("%%MatrixMarket matrix array real general\n1 1\n1\n") ==
          "m:1: is a Matrix Market file of kind 'matrix array', expected a sparse one, 'matrix coordinate'");
    CHECK(refusal("%%MatrixMarket matrix coordinate complex general\n") ==
          "m:1: has entries of kind 'complex', expected real, integer or pattern");
    CHECK(refusal("%%MatrixMarket matrix coordinate real symmetric\n") ==
          "m:1: is 'symmetric', expected a 'general' matrix");
    CHECK(refusal(head + "%\n") == "m:2: ends before the line with the size of the matrix");
    CHECK(refusal(head + "2 2\n") == "m:2: expected three whole numbers: rows, columns, entries");
    CHECK(refusal(head + "-2 2 1\n") == "m:2: expected three whole numbers: rows, columns, entries");
    CHECK(refusal(head + "99999999999999999999 2 1\n") == "m:2: expected three whole numbers: rows, columns, entries");
    CHECK(refusal(head + "4294967296 2 1\n") == "m:2: has more rows or columns than can be read (2^31)");
    const std::string outside = " lies outside of the matrix (2 x 2, from 1)";
    CHECK(refusal(head + "2 2 1\n3 1 1\n") == "m:3: the entry at row 3, column 1" + outside);
    CHECK(refusal(head + "2 2 1\n1 0 1\n") == "m:3: the entry at row 1, column 0" + outside);
    CHECK(refusal(head + "2 2 1\n1 1\n") == "m:3: expected a row, a column and a value");
    CHECK(refusal(head + "2 2 1\n1 1 1 1\n") == "m:3: expected a row, a column and a value");
    CHECK(refusal(head + "2 2 1\n1 1 x\n") == "m:3: expected a row, a column and a value");
    CHECK(refusal(head + "2 2 1\n1 1 nan\n") == "m:3: the value is not finite");
    CHECK(refusal(head + "2 2 1\n1 1 1\n2 2 1\n") == "m:4: there are more than the 1 entries that the file announces");
    CHECK(refusal(head + "2 2 1152921504606846976\n1 1 1\n") ==
          "m:3: the file ends after 1 of 1152921504606846976 entries; it is truncated");
    CHECK(refusal(head + "2 2 2\n1 2 1\n1 2 3\n") == "m: there are two entries for cell 2, feature 1 (from 1)");
    CHECK(refusal(head + "2 2 1\n" + std::string(2 << 20, ' ')) ==
          "m:2: a line is longer than a megabyte; expected a Matrix Market or TSV file");
    CHECK_THROWS_AS(read_matrix_market<float>("m", bytes_of(head + "1 1 1\n1 1 1e300\n"), CellsAre::columns),
                    DataError);
}

TEST_CASE("matrix market: folders of 10x, plain, compressed and turned", "[matrix_market]") {
    const TemporaryDirectory directory;
    const std::string folder = directory.file("");
    CHECK(error_of([&] { read_10x<float>(folder); }) ==
          folder +
              ": there is no matrix.mtx or matrix.mtx.gz; expected a folder with matrix.mtx, barcodes.tsv and "
              "features.tsv");
    write_gzip(directory.file("matrix.mtx.gz"), head + "3 2 2\n3 1 7\n1 2 5\n");
    write_gzip(directory.file("barcodes.tsv.gz"), "AAA-1\nCCC-1\n");
    write_gzip(directory.file("features.tsv.gz"),
               "ENSG1\tMIR1302\tGene Expression\nENSG2\nENSG3\tCD3D\tGene Expression\n");
    const TenX<float> read = read_10x<float>(folder);
    require_valid(read.counts);
    CHECK(read.counts.n_features == 3);
    CHECK(read.counts.value == std::vector<float>{7, 5});
    CHECK(read.cell_names == std::vector<std::string>{"AAA-1", "CCC-1"});
    CHECK(read.feature_ids == std::vector<std::string>{"ENSG1", "ENSG2", "ENSG3"});
    CHECK(read.feature_names == std::vector<std::string>{"MIR1302", "ENSG2", "CD3D"});

    std::filesystem::remove(directory.file("features.tsv.gz"));
    directory.write("genes.tsv", "ENSG1\tMIR1302\nENSG2\tx\nENSG3\tCD3D");
    directory.write("matrix.mtx", head + "2 3 2\n1 3 7\n2 1 5\n");  // before the compressed one
    const TenX<float> turned = read_10x<float>(folder);
    CHECK(turned.counts.value == read.counts.value);
    CHECK(turned.counts.feature == read.counts.feature);

    directory.write("barcodes.tsv", "AAA-1\n");
    CHECK(error_of([&] { read_10x<float>(folder); }) == directory.file("matrix.mtx") + ":2: the matrix is 2 x 3, but " +
                                                            directory.file("genes.tsv") + " has 3 lines and " +
                                                            directory.file("barcodes.tsv") + " has 1");
    directory.write("barcodes.tsv", "AAA-1\n\nCCC-1\n");
    CHECK(error_of([&] { read_10x<float>(folder); }) ==
          directory.file("barcodes.tsv") + ":2: is blank, expected a name");
}

TEST_CASE("sparse cells: chosen ones, and arrays that do not fit", "[sparse]") {
    SparseCells<double> cells;
    cells.n_features = 4;
    cells.start = {0, 2, 2, 3};
    cells.feature = {1, 3, 0};
    cells.value = {5, 6, 7};
    require_valid(cells);
    const SparseCells<double> chosen = selected(cells, {2, 0, 2});
    require_valid(chosen);
    CHECK(chosen.value == std::vector<double>{7, 5, 6, 7});
    const Matrix<double> dense = to_dense(cells);
    CHECK(arma::approx_equal(to_dense(chosen), Matrix<double>(dense.cols(arma::uvec{2, 0, 2})), "absdiff", 0.0));
    CHECK_THROWS_WITH(selected(cells, {3}), "there is no cell 3, there are 3");
    const auto broken = [&](auto change) {
        SparseCells<double> copy = cells;
        change(copy);
        try {
            require_valid(copy);
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(broken([](auto& c) { c.feature[1] = 4; }) == "an entry has a feature beyond the number of features");
    CHECK(broken([](auto& c) { c.feature[1] = 1; }) == "the features of a cell's entries must ascend");
    CHECK(broken([](auto& c) { c.start[1] = 9; }) == "the entries of a cell end before they begin");
    CHECK(broken([](auto& c) { c.start.back() = 2; }) == "the entries of the last cell must end with the entries");
    CHECK(broken([](auto& c) { c.value.pop_back(); }) == "each entry needs one feature and one value");
}
