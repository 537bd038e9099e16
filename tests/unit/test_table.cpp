#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "engine/check.hpp"
#include "engine/datasets/delimited.hpp"
#include "engine/datasets/table.hpp"
#include "tests/unit/temporary_directory.hpp"

using namespace bcbench;

namespace {

const std::string small_cells = "PC1,PC2\n1,2\n3,4\n";
const std::string small_metadata = "cell,donor,kind\na,D2,T\nb,D1,B\n";

table::Options options_of_texts() {
    table::Options options;
    options.cells = "cells.csv";
    options.metadata = "meta.csv";
    options.batch_column = "donor";
    return options;
}

Dataset<double> cells_from(const std::string& cells) {
    return table::parse(cells, small_metadata, options_of_texts());
}

// The message of the DataError that `action` must throw.
template <class Action>
std::string error_of(Action action) {
    try {
        action();
    } catch (const DataError& error) {
        return error.what();
    }
    FAIL("no DataError was thrown");
    return {};
}

std::string cells_error(const std::string& cells, bool row_names = false) {
    table::Options options = options_of_texts();
    options.row_names = row_names;
    return error_of([&] { table::parse(cells, small_metadata, options); });
}

std::string metadata_error(const std::string& metadata, const std::string& batch = "donor",
                           const std::string& type = "") {
    table::Options options = options_of_texts();
    options.batch_column = batch;
    options.type_column = type;
    return error_of([&] { table::parse(small_cells, metadata, options); });
}

const Matrix<double> expected_cells = {{1.0, 3.0}, {2.0, 4.0}};  // [F x n]

void require_expected(const Dataset<double>& data) {
    REQUIRE(data.cells.n_rows == 2);
    REQUIRE(data.cells.n_cols == 2);
    CHECK(arma::approx_equal(data.cells, expected_cells, "absdiff", 0.0));
}

std::string gzipped(const TemporaryDirectory& directory, const std::string& name, const std::string& text) {
    const std::string path = directory.file(name);
    gzFile file = gzopen(path.c_str(), "wb");
    REQUIRE(file != nullptr);
    REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
    REQUIRE(gzclose(file) == Z_OK);
    return path;
}

std::string bytes_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Doubles of any exponent and sign, from random bits.
std::vector<double> random_doubles(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 bits(seed);
    std::vector<double> values;
    while (values.size() < count) {
        const std::uint64_t word = bits();
        double value = 0.0;
        std::memcpy(&value, &word, sizeof value);
        if (std::isfinite(value)) values.push_back(value);
    }
    return values;
}

std::string table_text(const std::vector<double>& values, std::size_t n_features, const char* separator) {
    std::string text;
    for (std::size_t i = 0; i < n_features; ++i) text += (i ? separator : "") + ("f" + std::to_string(i));
    for (std::size_t i = 0; i < values.size(); ++i) {
        char word[40];
        std::snprintf(word, sizeof word, "%.17g", values[i]);
        text += (i % n_features ? separator : "\n") + std::string(word);
    }
    return text + "\n";
}

}  // namespace

TEST_CASE("table: a small CSV gives cells as columns and labels by first appearance", "[table]") {
    table::Options options = options_of_texts();
    options.type_column = "kind";
    const Dataset<double> data = table::parse(small_cells, small_metadata, options);
    require_expected(data);
    CHECK(data.batch.code == std::vector<std::uint32_t>{0, 1});
    CHECK(data.batch.names == std::vector<std::string>{"D2", "D1"});
    CHECK(data.type.code == std::vector<std::uint32_t>{0, 1});
    CHECK(data.type.names == std::vector<std::string>{"T", "B"});
}

TEST_CASE("table: without a type column there are no types", "[table]") {
    const Dataset<double> data = cells_from(small_cells);
    CHECK(data.type.empty());
    CHECK(data.type.names.empty());
}

TEST_CASE("table: equal labels share a number wherever they stand", "[table]") {
    const Dataset<double> data =
        table::parse("x\n1\n2\n3\n4\n5\n", "donor\nb\na\nb\nc\na\n", options_of_texts());
    CHECK(data.batch.code == std::vector<std::uint32_t>{0, 1, 0, 2, 1});
    CHECK(data.batch.names == std::vector<std::string>{"b", "a", "c"});
}

TEST_CASE("table: every accepted spelling of the same table reads the same", "[table]") {
    const std::string text = GENERATE(as<std::string>(), "PC1\tPC2\n1\t2\n3\t4\n",  // tabs
                                      "PC1,PC2\r\n1,2\r\n3,4\r\n",                  // CRLF
                                      "\xef\xbb\xbfPC1,PC2\n1,2\n3,4\n",            // byte order mark
                                      "PC1,PC2\n1,2\n3,4",                          // no final line break
                                      "PC1,PC2\r\n1,2\r\n3,4\r",                    // half of one
                                      "PC1,PC2\n1,2\n3,4\n\n\r\n\n",                // blank lines at the end
                                      "PC1,PC2\n+1, 2\n 3 ,4.0e0\n",                // plus, spaces, exponent
                                      "\"PC,1\",\"PC\"\"2\"\"\"\n\"1\",2\n3,\"4\"\n",  // quotes
                                      "\"PC\n1\",PC2\n1,2\n3,4\n"  // line break in a title
    );
    require_expected(cells_from(text));
}

TEST_CASE("table: a byte order mark is no part of the first title", "[table]") {
    const std::string mark = "\xef\xbb\xbf";
    for (const std::string title : {"donor", "\"donor\""}) {
        const Dataset<double> data = table::parse(small_cells, mark + title + "\nA\nB\n", options_of_texts());
        CHECK(data.batch.names == std::vector<std::string>{"A", "B"});
    }
}

TEST_CASE("table: a quoted label may hold separators, quotes and line breaks", "[table]") {
    const Dataset<double> data =
        table::parse(small_cells, "donor,note\n\"A, \"\"first\"\"\nline\",x\nB,y\n", options_of_texts());
    CHECK(data.batch.names == std::vector<std::string>{"A, \"first\"\nline", "B"});
}

TEST_CASE("table: row names are skipped, with and without a title", "[table]") {
    table::Options options = options_of_texts();
    options.row_names = true;
    require_expected(table::parse("id,PC1,PC2\na,1,2\nb,3,4\n", small_metadata, options));
    const Dataset<double> data =
        table::parse("PC1,PC2\na,1,2\nb,3,4\n", "donor,kind\na,D2,T\nb,D1,B\n", options);
    require_expected(data);
    CHECK(data.batch.names == std::vector<std::string>{"D2", "D1"});
}

TEST_CASE("table: metadata that names the same cells in another order is refused", "[table]") {
    table::Options options = options_of_texts();
    options.row_names = true;
    const std::string cells = "id,PC1,PC2\na,1,2\nb,3,4\nc,5,6\n";
    CHECK(error_of([&] { table::parse(cells, "cell,donor\na,D1\nc,D2\nb,D3\n", options); }) ==
          "meta.csv:5: names the cells of cells.csv in another order: cell 2 is 'b' there and 'c' here");
    // other names than those of the cells mean nothing
    CHECK(table::parse(cells, "row,donor\n1,D1\n2,D2\n3,D3\n", options).batch.count() == 3);
    CHECK(table::parse(cells, "cell,donor\na,D1\nb,D2\nc,D3\n", options).batch.count() == 3);
}

TEST_CASE("table: scale multiplies every value", "[table]") {
    table::Options options = options_of_texts();
    options.scale = 100.0;
    const Dataset<double> data = table::parse(small_cells, small_metadata, options);
    CHECK(arma::approx_equal(data.cells, 100.0 * expected_cells, "absdiff", 0.0));
    options.scale = 1e300;
    CHECK(error_of([&] { table::parse("x\n1\n1e10\n", small_metadata, options); }) ==
          "cells.csv:3: column 1 ('x'): overflows when multiplied by scale");
}

TEST_CASE("table: options that cannot work are refused", "[table]") {
    table::Options options = options_of_texts();
    REQUIRE_NOTHROW(table::validate(options));
    SECTION("cells") {
        options.cells.clear();
    }
    SECTION("metadata") {
        options.metadata.clear();
    }
    SECTION("batch_column") {
        options.batch_column.clear();
    }
    SECTION("scale 0") {
        options.scale = 0.0;
    }
    SECTION("scale NaN") {
        options.scale = std::nan("");
    }
    CHECK_THROWS_AS(table::validate(options), std::invalid_argument);
}

TEST_CASE("table: faults of the cells are named with their place", "[table]") {
    CHECK(cells_error("") == "cells.csv:1: the file is empty; expected a header row");
    CHECK(cells_error("\n1,2\n") == "cells.csv:1: the line is blank; expected a header row");
    CHECK(cells_error("PC1,PC2\n") == "cells.csv:2: there are no cells below the header row");
    CHECK(cells_error("PC1,PC2") == "cells.csv:1: there are no cells below the header row");
    CHECK(cells_error("id\na\nb\n", true) ==
          "cells.csv:4: there are no features beside the names of the cells");
    CHECK(cells_error("PC1,PC2\n1,2\n3\n") == "cells.csv:3: expected 2 fields as in the header, found 1");
    CHECK(cells_error("PC1,PC2\n1,2\n3,4,5\n") == "cells.csv:3: expected 2 fields as in the header, found 3");
    CHECK(cells_error("PC1,PC2\na,1,2\n") ==
          "cells.csv:2: expected 2 fields as in the header, found 3; set row_names: true if the first one, "
          "which "
          "has no title, names the cells");
    CHECK(cells_error("PC1,PC2\na,1,2\nb,3\n", true) ==
          "cells.csv:3: expected 3 fields as in the header, found 2");
    CHECK(cells_error("PC1,PC2\n1,2\n\n3,4\n") == "cells.csv:3: the line is blank, but rows follow it");
    CHECK(cells_error("cell_id,PC1\nAAACA-1,2\n") ==
          "cells.csv:2: column 1 ('cell_id'): holds 'AAACA-1', not a number; set row_names: true if it names "
          "the "
          "cells");
}

TEST_CASE("table: what is no finite number is refused with its place", "[table]") {
    const auto error = [](const std::string& field) {
        const std::string message = cells_error("PC1\tPC2\n1\t2\n3\t" + field + "\n");
        const std::string place = "cells.csv:3: column 2 ('PC2'): ";
        REQUIRE(message.substr(0, place.size()) == place);
        return message.substr(place.size());
    };
    CHECK(error("") == "is empty, expected a number");
    CHECK(error("  ") == "is empty, expected a number");
    CHECK(error("x") == "holds 'x', not a number");
    CHECK(error("1x") == "holds '1x', not a number");
    CHECK(error("1 2") == "holds '1 2', not a number");
    CHECK(error("0x10") == "holds '0x10', not a number");
    CHECK(error("+-1") == "holds '+-1', not a number");
    CHECK(error("++1") == "holds '++1', not a number");
    CHECK(error("+") == "holds '+', not a number");
    CHECK(error("1,5") == "holds '1,5', not a number (decimals take a point)");
    CHECK(error("nan") == "holds 'nan', expected a finite number");
    CHECK(error("-inf") == "holds '-inf', expected a finite number");
    CHECK(error("infinite") == "holds 'infinite', not a number");
    CHECK(error("1e999") == "holds '1e999', beyond the range of a double");
    CHECK(error("1e-999") == "holds '1e-999', beyond the range of a double");
    CHECK(error("\x1b[31m") == "holds '\\x1b[31m', not a number");
    CHECK(error(std::string(100, '9') + "y") == "holds '" + std::string(40, '9') + "...', not a number");
}

TEST_CASE("table: faults of quotes and bytes are named with their place", "[table]") {
    CHECK(cells_error("PC1,PC2\n1,2\n3,\"4\n5,6\n") ==
          "cells.csv:3: column 2 ('PC2'): the quote is never closed");
    CHECK(cells_error("PC1,PC2\n1,2\n3,\"") == "cells.csv:3: column 2 ('PC2'): the quote is never closed");
    CHECK(
        cells_error("PC1,PC2\n\"1\"0,2\n") ==
        "cells.csv:2: column 1 ('PC1'): has text after its closing quote; a quote inside a field is doubled");
    CHECK(cells_error("PC1,PC2\n1,2\"\n") ==
          "cells.csv:2: column 2 ('PC2'): has a quote inside; quote the whole field and double the quote");
    CHECK(cells_error(std::string("PC1,PC2\n1,2\n3,4\0\n", 18)) ==
          "cells.csv:3: column 2 ('PC2'): holds a NUL byte; expected UTF-8 text (a UTF-16 or binary file?)");
    // A row below a field with line breaks is counted in lines of the file.
    CHECK(cells_error("\"a\nb\",c\n1,2\nx,4\n") ==
          "cells.csv:4: column 1 ('a\\x0ab'): holds 'x', not a number; set row_names: true if it names the "
          "cells");
}

TEST_CASE("table: a line that is too long is refused before it fills the memory", "[table]") {
    std::string text = "PC1,PC2\n1,2\n";
    text.append((std::size_t{64} << 20) + 1, '7');
    CHECK(cells_error(text) == "cells.csv:3: the line is longer than 64 MB");
    text[12] = '"';
    CHECK(cells_error(text) == "cells.csv:3: a quoted field is not closed within 64 MB");
}

TEST_CASE("table: faults of the metadata are named with their place", "[table]") {
    CHECK(metadata_error("") == "meta.csv:1: the file is empty; expected a header row");
    CHECK(metadata_error(small_metadata, "donr") ==
          "meta.csv:1: there is no column 'donr' (did you mean 'donor'?); the columns are 'cell', 'donor', "
          "'kind'");
    CHECK(metadata_error(small_metadata, "donor", "protocol") ==
          "meta.csv:1: there is no column 'protocol'; the columns are 'cell', 'donor', 'kind'");
    CHECK(metadata_error("donor,donor\na,b\n") ==
          "meta.csv:1: column 1 ('donor'): is ambiguous, several columns have this name");
    CHECK(metadata_error("cell,donor\na,D2\nb,\n") ==
          "meta.csv:3: column 2 ('donor'): is empty, expected a label");
    CHECK(metadata_error("donor,kind\nD2,T\nD1, \n", "donor", "kind") ==
          "meta.csv:3: column 2 ('kind'): is empty, expected a label");
    CHECK(metadata_error("donor\nA\n") ==
          "meta.csv:3: 1 rows of labels, but cells.csv has 2 cells; expected one row per cell, in the same "
          "order");
    CHECK(metadata_error("donor\nA\nA\nB\n") ==
          "meta.csv:5: 3 rows of labels, but cells.csv has 2 cells; expected one row per cell, in the same "
          "order");
    CHECK(metadata_error("donor\n") ==
          "meta.csv:2: 0 rows of labels, but cells.csv has 2 cells; expected one row per cell, in the same "
          "order");
}

TEST_CASE("table: labels that are no UTF-8 are refused, and messages are UTF-8 whatever the file", "[table]") {
    CHECK(metadata_error("cell,donor\na,M\xfcller\nb,D1\n") ==
          "meta.csv:2: column 2 ('donor'): 'M\\xfcller' is no UTF-8 text (a Latin-1 file? iconv -f latin1 -t utf8 converts it)");
    // overlong, a surrogate, beyond Unicode, cut off
    for (const char* wrong : {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
        CHECK_FALSE(is_utf8(wrong));
        CHECK(is_utf8(shown(wrong)));
    }
    CHECK(is_utf8("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\xa7\xac"));
    // a character that does not end within the 40 bytes shown
    CHECK(shown(std::string(39, 'x') + "\xc3\xbc") == "'" + std::string(39, 'x') + "...'");
    CHECK(shown(std::string(38, 'x') + "\xc3\xbc") == "'" + std::string(38, 'x') + "\xc3\xbc'");
}

TEST_CASE("table: random doubles survive being written and read, plain and compressed", "[table]") {
    const std::size_t n_features = GENERATE(as<std::size_t>(), 1, 7, 50);
    const std::size_t n_cells = 20000 / n_features;  // several blocks of the reader
    const std::vector<double> values = random_doubles(n_features * n_cells, n_features);
    const std::string text = table_text(values, n_features, n_features == 7 ? "\t" : ",");
    std::string metadata = "donor\n";
    for (std::size_t i = 0; i < n_cells; ++i) metadata += std::to_string(i % 3) + "\n";

    const TemporaryDirectory directory;
    table::Options options = options_of_texts();
    options.metadata = directory.write("meta.csv", metadata);
    for (const bool compressed : {false, true}) {
        options.cells =
            compressed ? gzipped(directory, "cells.gz", text) : directory.write("cells.csv", text);
        const Dataset<double> data = table::load(options);
        REQUIRE(data.cells.n_rows == n_features);
        REQUIRE(data.cells.n_cols == n_cells);
        CHECK(std::memcmp(data.cells.memptr(), values.data(), values.size() * sizeof(double)) == 0);
        CHECK(data.batch.count() == 3);
    }
}

TEST_CASE("table: files that cannot be read are named", "[table]") {
    const TemporaryDirectory directory;
    table::Options options = options_of_texts();
    options.metadata = directory.write("meta.csv", small_metadata);
    const auto load_error = [&](const std::string& path) {
        options.cells = path;
        const std::string message = error_of([&] { table::load(options); });
        REQUIRE(message.substr(0, path.size()) == path);
        return message.substr(path.size());
    };
    options.cells = gzipped(directory, "good.csv.gz", small_cells);
    require_expected(table::load(options));

    CHECK(load_error(directory.file("absent.csv")) == ": the file does not exist");
    CHECK(load_error(directory.file("")) == ": is a directory, not a file");
    CHECK(load_error(directory.write("plain.csv.gz", small_cells)) ==
          ": is called .gz, but is not gzip-compressed");

    const std::string bytes = bytes_in(directory.file("good.csv.gz"));
    const std::string truncated = directory.file("truncated.csv.gz");
    for (std::size_t length = 3; length < bytes.size();
         ++length) {  // shorter ones have no gzip header at all
        directory.write("truncated.csv.gz", bytes.substr(0, length));
        CHECK(load_error(truncated) == ": the gzip file is truncated");
    }
    std::string corrupt = bytes;
    corrupt[corrupt.size() - 6] = static_cast<char>(corrupt[corrupt.size() - 6] ^ 1);  // the CRC-32
    CHECK(load_error(directory.write("corrupt.csv.gz", corrupt)) == ": the gzip file is corrupt");
}

TEST_CASE("table: real data sets load", "[table][data]") {
    const char* folder = std::getenv("BCBENCH_DATA");
    if (folder == nullptr) {
        WARN("skipped: set BCBENCH_DATA to the folder with pbmc_3500_*.tsv.gz and cell_lines_*.tsv.gz");
        return;
    }
    const std::string prefix = std::string(folder) + "/";
    table::Options options;

    options.cells = prefix + "pbmc_3500_pcs.tsv.gz";
    options.metadata = prefix + "pbmc_3500_meta.tsv.gz";
    options.batch_column = "donor";
    const Dataset<double> pbmc = table::load(options);
    CHECK(pbmc.cells.n_rows == 30);
    CHECK(pbmc.cells.n_cols == 3500);
    CHECK(pbmc.cells(0, 0) == 1.7677343467349014);
    CHECK(pbmc.cells(1, 0) == -14.41801416933021);
    CHECK(pbmc.batch.names == std::vector<std::string>{"A", "B", "C"});
    CHECK(label_sizes(pbmc.batch) == std::vector<std::size_t>{500, 2000, 1000});
    CHECK(pbmc.type.empty());

    options.cells = prefix + "cell_lines_pcs.tsv.gz";
    options.metadata = prefix + "cell_lines_meta.tsv.gz";
    options.batch_column = "dataset";
    options.type_column = "cell_type";
    const Dataset<double> lines = table::load(options);
    CHECK(lines.cells.n_rows == 20);
    CHECK(lines.cells.n_cols == 2370);
    CHECK(lines.cells(0, 1) == -0.0116696911838475);
    CHECK(lines.batch.names == std::vector<std::string>{"half", "t293", "jurkat"});
    CHECK(label_sizes(lines.batch) == std::vector<std::size_t>{846, 700, 824});
    CHECK(lines.type.names == std::vector<std::string>{"jurkat", "t293"});
}
