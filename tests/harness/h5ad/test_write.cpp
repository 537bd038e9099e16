// Embeddings go into a copy; the original stays as it is, and so does everything else.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

H5adAdditions two_embeddings() {
    H5adAdditions additions;
    Matrix<float> first(2, small_n_cells), second(5, small_n_cells);
    for (arma::uword i = 0; i < first.n_elem; ++i) first(i) = static_cast<float>(i);
    for (arma::uword i = 0; i < second.n_elem; ++i) second(i) = -static_cast<float>(i);
    additions.embeddings = {{obsm_key("Harmony.n_iterations=5"), first}, {obsm_key("a/b"), second}};
    additions.unstructured = {
        {"version", "0.1.0"},   {"seed", 3},          {"checked", true}, {"scores", {{"mixing", 0.25}}},
        {"labels", {"x", "y"}}, {"losses", {1.5, 2}}, {"none", nullptr}};
    return additions;
}

}  // namespace

TEST_CASE("h5ad: embeddings are added to a copy and read back", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad")), out = directory.file("out.h5ad");
    const std::string before = contents(file);
    const H5adAdditions additions = two_embeddings();
    write_h5ad(file, out, additions, small_limits());
    CHECK(contents(file) == before);
    const auto first = read_h5ad<float>(out, small_request("obsm/X_Harmony.n_iterations=5"));
    CHECK(arma::approx_equal(first.cells, additions.embeddings[0].cells, "absdiff", 0.0));
    const auto second = read_h5ad<float>(out, small_request("obsm/X_a_b"));
    CHECK(arma::approx_equal(second.cells, additions.embeddings[1].cells, "absdiff", 0.0));
    const auto old = read_h5ad<float>(out, small_request());
    CHECK(old.cells(1, 3) == 3.125F);
    CHECK(describe_h5ad(out, small_limits()).unstructured == std::vector<std::string>{"bcbench"});
    // once more, over the copy: new results replace the old ones, but no embedding is overwritten
    CHECK(error_of([&] { write_h5ad(out, directory.file("again.h5ad"), additions, small_limits()); }) ==
          out + ": obsm/X_Harmony.n_iterations=5: is in the file already; choose another label");
    CHECK_FALSE(std::filesystem::exists(directory.file("again.h5ad")));
    H5adAdditions results;
    results.unstructured = {{"version", "0.2.0"}};
    write_h5ad(out, directory.file("again.h5ad"), results, small_limits());
    std::size_t files = 0;  // no temporary one is left
    for (const auto& entry : std::filesystem::directory_iterator(directory.file(""))) files += entry.is_regular_file();
    CHECK(files == 3);
}

TEST_CASE("h5ad: cells that were left out have no numbers in the copy", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad")), out = directory.file("out.h5ad");
    H5adAdditions additions;
    additions.rows = {1, 4};
    additions.embeddings = {{"X_two", Matrix<float>{{1.0F, 2.0F}, {3.0F, 4.0F}}}};
    write_h5ad(file, out, additions, small_limits());
    CHECK(refusal(out, "obsm/X_two").find("has the value nan at cell 0, column 0") != std::string::npos);
    additions.rows = {1, 10};
    CHECK(error_of([&] { write_h5ad(file, directory.file("no.h5ad"), additions, small_limits()); }) ==
          file + ": obs: has 10 cells, none with the row number 10");
    additions.rows = {};
    CHECK(error_of([&] { write_h5ad(file, directory.file("no.h5ad"), additions, small_limits()); }) ==
          file + ": obs: has 10 cells, but the embeddings have 2");
}

TEST_CASE("h5ad: the original is never written to", "[h5ad]") {
    const TemporaryDirectory directory;
    const std::string file = small_file(directory.file("x.h5ad"));
    std::filesystem::create_symlink(file, directory.file("same.h5ad"));
    const H5adAdditions additions = two_embeddings();
    CHECK_THROWS_AS(write_h5ad(file, file, additions, small_limits()), std::invalid_argument);
    CHECK_THROWS_AS(write_h5ad(file, directory.file("same.h5ad"), additions, small_limits()), std::invalid_argument);
    H5adAdditions twice = additions;
    twice.embeddings[1].key = twice.embeddings[0].key;
    CHECK_THROWS_WITH(write_h5ad(file, directory.file("no.h5ad"), twice, small_limits()),
                      Catch::Contains("two embeddings have the key"));
    H5adAdditions path = additions;
    path.embeddings[0].key = "a/b";
    CHECK_THROWS_AS(write_h5ad(file, directory.file("no.h5ad"), path, small_limits()), std::invalid_argument);
    H5adAdditions mixed = additions;
    mixed.unstructured = {{"list", {1, "a"}}};
    CHECK(error_of([&] { write_h5ad(file, directory.file("no.h5ad"), mixed, small_limits()); }) ==
          file + ": uns/bcbench/list: is a list of several kinds; texts alone or numbers alone can be written");
    CHECK_FALSE(std::filesystem::exists(directory.file("no.h5ad")));
}

TEST_CASE("h5ad: nothing is added to a file that ends before its data by its own account", "[h5ad]") {
    const TemporaryDirectory directory;
    std::string bytes = contents(small_file(directory.file("x.h5ad")));
    REQUIRE(bytes[8] == 0);  // version of the superblock, which has the end of the file at byte 40
    const std::size_t size = bytes.size(), less = size - 300;
    for (std::size_t i = 0; i < 8; ++i) bytes[40 + i] = static_cast<char>(less >> (8 * i) & 0xff);
    const std::string file = directory.write("damaged.h5ad", bytes), out = directory.file("out.h5ad");
    CHECK(contains(error_of([&] { write_h5ad(file, out, two_embeddings(), small_limits()); }),
                   "; it is damaged, and nothing can be added to it"));
    CHECK_FALSE(std::filesystem::exists(out));
}
