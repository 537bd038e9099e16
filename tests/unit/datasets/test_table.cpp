// What a table means: cells, labels and every accepted spelling.
#include "tests/support/tables.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

Dataset<double> cells_from(const std::string& cells) { return table::parse(cells, small_metadata, options_of_texts()); }

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
    const Dataset<double> data = table::parse("x\n1\n2\n3\n4\n5\n", "donor\nb\na\nb\nc\na\n", options_of_texts());
    CHECK(data.batch.code == std::vector<std::uint32_t>{0, 1, 0, 2, 1});
    CHECK(data.batch.names == std::vector<std::string>{"b", "a", "c"});
    // blanks around a label are no part of it
    CHECK(table::parse("x\n1\n2\n", "donor\n D 1\nD 1 \n", options_of_texts()).batch.names ==
          std::vector<std::string>{"D 1"});
}

TEST_CASE("table: every accepted spelling of the same table reads the same", "[table]") {
    const std::string text = GENERATE(as<std::string>(), "PC1\tPC2\n1\t2\n3\t4\n",     // tabs
                                      "PC1,PC2\r\n1,2\r\n3,4\r\n",                     // CRLF
                                      "\xef\xbb\xbfPC1,PC2\n1,2\n3,4\n",               // byte order mark
                                      "PC1,PC2\n1,2\n3,4",                             // no final line break
                                      "PC1,PC2\r\n1,2\r\n3,4\r",                       // half of one
                                      "PC1,PC2\n1,2\n3,4\n\n\r\n\n",                   // blank lines at the end
                                      "PC1,PC2\n+1, 2\n 3 ,4.0e0\n",                   // plus, spaces, exponent
                                      "\"PC,1\",\"PC\"\"2\"\"\"\n\"1\",2\n3,\"4\"\n",  // quotes
                                      "\"PC\n1\",PC2\n1,2\n3,4\n"                      // line break in a title
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
    const Dataset<double> data = table::parse("PC1,PC2\na,1,2\nb,3,4\n", "donor,kind\na,D2,T\nb,D1,B\n", options);
    require_expected(data);
    CHECK(data.batch.names == std::vector<std::string>{"D2", "D1"});
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
