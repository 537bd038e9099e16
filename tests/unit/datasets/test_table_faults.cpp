// Every fault of a table is told with its place.
#include <cmath>

#include "engine/io/csv.hpp"
#include "engine/io/utf8.hpp"
#include "tests/support/tables.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

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

}  // namespace

TEST_CASE("table: with match_cells order, the same cells in another order are refused", "[table]") {
    table::Options options = options_of_texts();
    options.row_names = true;
    options.match_cells = "order";
    const std::string cells = "id,PC1,PC2\na,1,2\nb,3,4\nc,5,6\n";
    CHECK(error_of([&] { table::parse(cells, "cell,donor\na,D1\nc,D2\nb,D3\n", options); }) ==
          "meta.csv:5: names the cells of cells.csv in another order: cell 2 is 'b' there and 'c' here");
    // other names than those of the cells mean nothing
    CHECK(table::parse(cells, "row,donor\n1,D1\n2,D2\n3,D3\n", options).batch.count() == 3);
    CHECK(table::parse(cells, "cell,donor\na,D1\nb,D2\nc,D3\n", options).batch.count() == 3);
}

TEST_CASE("table: options that cannot work are refused", "[table]") {
    table::Options options = options_of_texts();
    REQUIRE_NOTHROW(table::validate(options));
    SECTION("cells") { options.cells.clear(); }
    SECTION("metadata") { options.metadata.clear(); }
    SECTION("batch_column") { options.batch_column.clear(); }
    SECTION("match_cells") { options.match_cells = "barcode"; }
    SECTION("missing_types") { options.missing_types = "label"; }
    SECTION("scale 0") { options.scale = 0.0; }
    SECTION("scale NaN") { options.scale = std::nan(""); }
    CHECK_THROWS_AS(table::validate(options), std::invalid_argument);
}

TEST_CASE("table: faults of the cells are named with their place", "[table]") {
    CHECK(cells_error("") == "cells.csv:1: the file is empty; expected a header row");
    CHECK(cells_error("\n1,2\n") == "cells.csv:1: the line is blank; expected a header row");
    CHECK(cells_error("PC1,PC2\n") == "cells.csv:2: there are no cells below the header row");
    CHECK(cells_error("PC1,PC2") == "cells.csv:1: there are no cells below the header row");
    CHECK(cells_error("id\na\nb\n", true) == "cells.csv:4: there are no features beside the names of the cells");
    CHECK(cells_error("PC1,PC2\n1,2\n3\n") == "cells.csv:3: expected 2 fields as in the header, found 1");
    CHECK(cells_error("PC1,PC2\n1,2\n3,4,5\n") == "cells.csv:3: expected 2 fields as in the header, found 3");
    CHECK(cells_error("PC1,PC2\na,1,2\n") ==
          "cells.csv:2: expected 2 fields as in the header, found 3; set row_names: true if the first one, which has "
          "no title, names the cells");
    CHECK(cells_error("PC1,PC2\na,1,2\nb,3\n", true) == "cells.csv:3: expected 3 fields as in the header, found 2");
    CHECK(cells_error("PC1,PC2\n1,2\n\n3,4\n") == "cells.csv:3: the line is blank, but rows follow it");
    CHECK(
        cells_error("cell_id,PC1\nAAACA-1,2\n") ==
        "cells.csv:2: column 1 ('cell_id'): holds 'AAACA-1', not a number; set row_names: true if it names the cells");
}

TEST_CASE("table: other separators and decimal commas are told as such", "[table]") {
    const std::string expected = "; expected commas or tabs (and decimal points)";
    for (const char* header : {"PC1;PC2", "\"\";\"PC1\""}) {
        CHECK(cells_error(std::string(header) + "\n1,5;2\n") ==
              "cells.csv:1: the fields are separated by semicolons" + expected);
    }
    CHECK(cells_error("\"PC1\" \"PC2\"\n1 2\n") == "cells.csv:1: the fields are separated by spaces" + expected);
    CHECK(cells_error("PC1\tPC2\n1,5\t2\n") ==
          "cells.csv:2: column 1 ('PC1'): holds '1,5', not a number (decimals take a point)");
    CHECK(metadata_error("a title; of one column\nx\ny\n") ==
          "meta.csv:1: the fields are separated by semicolons" + expected);
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
    CHECK(cells_error("PC1,PC2\n1,2\n3,\"4\n5,6\n") == "cells.csv:3: column 2 ('PC2'): the quote is never closed");
    CHECK(cells_error("PC1,PC2\n1,2\n3,\"") == "cells.csv:3: column 2 ('PC2'): the quote is never closed");
    CHECK(cells_error("PC1,PC2\n\"1\"0,2\n") ==
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
    CHECK(metadata_error("cell,donor\na,D2\nb,\n") == "meta.csv:3: column 2 ('donor'): is empty, expected a label");
    for (const std::string missing : {"NA", "NaN", "nan", " NA "}) {
        CHECK(metadata_error("donor,kind\nD2,T\nD1," + missing + "\n", "donor", "kind") ==
              "meta.csv:3: column 2 ('kind'): is missing (" + (missing == " NA " ? "NA" : missing) +
                  "), expected a label");
    }
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
          "meta.csv:2: column 2 ('donor'): 'M\\xfcller' is no UTF-8 text (a Latin-1 file? iconv -f latin1 -t utf8 "
          "converts it)");
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
