// How labels find their cells, and what is said of labels and of files that are no tables.
#include <algorithm>

#include "engine/core/unlabelled.hpp"
#include "engine/datasets/cell_names.hpp"
#include "engine/datasets/label_notes.hpp"
#include "tests/support/tables.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

table::Options named_options() {
    table::Options options = options_of_texts();
    options.row_names = true;
    return options;
}

std::string error_of_texts(const std::string& cells, const std::string& metadata) {
    return error_of([&] { table::parse(cells, metadata, options_of_texts()); });
}

bool same(const Labels& a, const Labels& b) { return a.code == b.code && a.names == b.names; }

// Notes on a table of as many cells as `metadata` has rows.
std::vector<std::string> notes_of(const std::string& metadata, table::Options options) {
    std::string cells = "PC1\n";
    for (auto rows = std::count(metadata.begin(), metadata.end(), '\n') - 1; rows > 0; --rows) cells += "1\n";
    std::vector<std::string> notes;
    std::vector<std::string> all = notes_on_labels(table::parse(cells, metadata, options, &notes));
    all.insert(all.end(), notes.begin(), notes.end());
    return all;
}

}  // namespace

TEST_CASE("table: cells that have names find their labels by name, in any order", "[table]") {
    table::Options options = named_options();
    options.type_column = "kind";
    options.covariates = {"lane"};
    const std::string cells = "id,PC1\na,1\nb,3\nc,5\nd,7\n";
    const auto sorted = table::parse(cells, "cell,donor,kind,lane\na,D2,T,1\nb,D1,B,1\nc,D2,B,2\nd,D3,T,2\n", options);
    const auto mixed = table::parse(cells, "cell,donor,kind,lane\nd,D3,T,2\nb,D1,B,1\na,D2,T,1\nc,D2,B,2\n", options);
    CHECK(mixed.batch.names == std::vector<std::string>{"D2", "D1", "D3"});
    CHECK(same(mixed.batch, sorted.batch));
    CHECK(same(mixed.type, sorted.type));
    CHECK(same(mixed.about->columns[0].labels, sorted.about->columns[0].labels));
}

TEST_CASE("table: names that are missing, too many or twice are counted, with examples", "[table]") {
    const std::string cells = "id,PC1\na,1\nb,3\nc,5\n";
    const auto error = [&](const std::string& rows) {
        return error_of([&] { table::parse(cells, "cell,donor\n" + rows, named_options()); });
    };
    const std::string end = "; expected one row for each (match_cells: \"order\" takes the rows as they stand)";
    CHECK(error("a,D1\nb,D1\nx,D2\n") ==
          "meta.csv:5: names the cells of cells.csv, but not one for one: 1 cell has no row ('c'); 1 row names no cell "
          "('x')" +
              end);
    CHECK(error("a,D1\na,D1\nb,D2\n") ==
          "meta.csv:5: names the cells of cells.csv, but not one for one: 1 cell has no row ('c'); 1 name stands twice "
          "('a')" +
              end);
    CHECK(error("c,D1\nb,D1\n") ==
          "meta.csv:4: names the cells of cells.csv, but not one for one: 1 cell has no row ('a')" + end);
    // no name of a cell: the rows stand in the cells' order
    CHECK(table::parse(cells, "cell,donor\n1,D1\n2,D1\n3,D2\n", named_options()).batch.count() == 2);
    const NameMatch many = match_names({"a", "b", "c", "d", "e"}, {"e", "v", "w", "x", "y", "z"});
    CHECK(many.fault == "4 cells have no row ('a', 'b', 'c', ...); 5 rows name no cell ('v', 'w', 'x', ...)");
}

TEST_CASE("table: files of another kind are called by their name", "[table]") {
    using namespace std::string_literals;
    const std::vector<std::pair<std::string, std::string>> kinds = {
        {"\x89HDF\r\n\x1a\n\0\0"s, "an HDF5 file; the dataset h5ad reads those of AnnData (.h5ad)"},
        {"PK\x03\x04\x14"s, "a zip archive (.npz, .xlsx, .zip)"},
        {"\x93NUMPY\x01\0v\0{'descr'"s, "a NumPy array (.npy); the dataset matrix reads those"},
        {"PAR1\x15\x04"s, "a Parquet file"},
        {"%%MatrixMarket matrix coordinate\n1 1 1\n"s, "a Matrix Market file (.mtx); the dataset matrix reads those"}};
    for (const auto& [bytes, what] : kinds) {
        CHECK(error_of_texts(bytes, small_metadata) ==
              "cells.csv: is " + what + ", not a table; expected CSV or TSV text");
        CHECK(error_of_texts(small_cells, bytes) == "meta.csv: is " + what + ", not a table; expected CSV or TSV text");
    }
    require_expected(table::parse("PAR1,PAR2\n1,2\n3,4\n", small_metadata, options_of_texts()));  // two genes
}

TEST_CASE("table: a transposed table and one without a header are recognised", "[table]") {
    const std::string metadata = "cell,donor\na,D1\nb,D2\nc,D1\n";
    const std::string start =
        "meta.csv:5: 3 rows of labels, but cells.csv has 2 cells; expected one row per cell, in the same order";
    CHECK(error_of_texts("c1,c2,c3\n1,2,3\n4,5,6\n", metadata) ==
          start + "; cells.csv has 3 columns of numbers: is it transposed?");
    CHECK(error_of_texts("1.5,2\n3,4\n5,6\n", metadata) ==
          start + "; the first line of cells.csv is all numbers: is its header missing?");
    CHECK(error_of_texts("g1,g2\n3,4\n5,6\n", metadata) == start);
}

TEST_CASE("table: labels that were merged or kept apart are told, and batches that cannot be batches", "[table]") {
    std::string metadata = "barcode,donor,lane\n";
    for (int i = 0; i < 40; ++i) {
        metadata += "cell" + std::to_string(i) + (i % 2 ? ",A," : i % 4 ? ",A ," : ",B,") + (i < 20 ? "1\n" : "1.0\n");
    }
    table::Options options = options_of_texts();
    CHECK(notes_of(metadata, options) ==
          std::vector<std::string>{"column 'donor': label 'A' merges 20 cells that have it as it stands and 10 with "
                                   "spaces around it"});
    options.batch_column = "lane";
    CHECK(notes_of(metadata, options) ==
          std::vector<std::string>{
              "column 'lane': the labels '1' and '1.0' are the same but for their spelling, and count as different"});
    options.batch_column = "barcode";
    CHECK(notes_of(metadata, options) ==
          std::vector<std::string>{
              "column 'barcode' makes 40 batches of 40 cells: does it name cells, and not batches?",
              "columns of meta.csv with fewer labels, which may be the batches: 'donor' (2), 'lane' (2)"});
}

TEST_CASE("table: cells without a type are an error, left out, or kept", "[table][missing]") {
    table::Options options = named_options();
    options.type_column = "kind";
    options.covariates = {"lane"};
    const std::string cells = "id,PC1\na,1\nb,3\nc,5\nd,7\n";
    const std::string metadata = "cell,donor,kind,lane\na,D2,,1\nb,D1,B,2\nc,D2,NA,1\nd,D3,T,1\n";
    CHECK(error_of([&] { table::parse(cells, metadata, options); }) ==
          "meta.csv:2: column 3 ('kind'): is empty, expected a label");
    options.missing_types = "keep";
    const Dataset<double> kept = table::parse(cells, metadata, options);
    CHECK(kept.type.names == std::vector<std::string>{unlabelled_name, "B", "T"});
    CHECK(kept.type.code == std::vector<std::uint32_t>{0, 1, 0, 2});
    CHECK(notes_on_labels(kept) ==
          std::vector<std::string>{"column 'donor' makes 3 batches of 4 cells: does it name cells, and not batches?",
                                   "column 'kind': 2 of 4 cells have no type; metrics on types leave them out"});
    options.missing_types = "drop";
    std::vector<std::string> notes;
    const Dataset<double> dropped = table::parse(cells, metadata, options, &notes);
    CHECK(notes == std::vector<std::string>{"column 'kind': 2 of 4 cells have no type and were left out"});
    CHECK(arma::approx_equal(dropped.cells, arma::mat{{3.0, 7.0}}, "absdiff", 0.0));
    CHECK(dropped.batch.names == std::vector<std::string>{"D1", "D3"});
    CHECK(dropped.type.names == std::vector<std::string>{"B", "T"});
    CHECK(dropped.about->cell_names == std::vector<std::string>{"b", "d"});
    CHECK(dropped.about->columns[0].labels.names == std::vector<std::string>{"2", "1"});
    CHECK(error_of([&] { table::parse(cells, "cell,donor,kind,lane\na,D,,1\nb,D,,1\nc,D,,1\nd,D,,1\n", options); }) ==
          "column 'kind': no cell has a type");
    CHECK(error_of([&] {
              table::parse(cells, "cell,donor,kind,lane\na,,B,1\nb,D,B,1\nc,D,B,1\nd,D,B,1\n", options);
          }) == "meta.csv:2: column 2 ('donor'): is empty, expected a label");
}
