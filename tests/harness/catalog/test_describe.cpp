#include <catch2/catch.hpp>
#include <sstream>

#include "experiments/catalog/describe.hpp"
#include "tests/support/small_catalog.hpp"

using namespace bcbench;
using namespace bcbench::test;

TEST_CASE("describe: lists kinds, aligned", "[describe]") {
    CHECK(list_text(small_catalog(), "methods") ==
          "methods\n"
          "  plain     does nothing\n"
          "  clusters  moves cells to clusters\n");
    const std::string all = list_text(small_catalog());
    for (const char* word : {"datasets\n", "\nmethods\n", "\nmetrics\n", "\nchecks\n", "blobs", "gradient"})
        CHECK(all.find(word) != std::string::npos);
    CHECK_THROWS_WITH(list_text(small_catalog(), "method"), Catch::Contains("did you mean \"methods\"?"));
}

TEST_CASE("describe: an entry with parameters, training keys and notes", "[describe]") {
    CHECK(describe_text(small_catalog(), "clusters") ==
          R"(clusters (method)
  moves cells to clusters

  First paragraph of the notes.

  Second paragraph.

Parameters
  name              allowed                     default  meaning
  n_clusters        an integer >= 1             100      help of n_clusters
  n_iterations      an integer >= 1             10       help of n_iterations
  sigma             a number > 0 or a list of   0.1      help of sigma
                    such
  kernel_bandwidth  a number > 0                1        help of kernel_bandwidth
  masked            true or false               false    help of masked
  max_steps         an integer >= 1 or null     null     help of max_steps

Training (keys of "train")
  name           allowed          default  meaning
  learning_rate  a number > 0     0.001    help of learning_rate
  steps          an integer >= 1  100      help of steps
)");
    CHECK(describe_text(small_catalog(), "file").find("path    a text          required") != std::string::npos);
    CHECK_THROWS_WITH(describe_text(small_catalog(), "cluster"), Catch::Contains("did you mean \"clusters\"?"));
}

TEST_CASE("describe: no line is wider than 100 columns", "[describe]") {
    Catalog catalog = small_catalog();
    std::string words;
    for (int i = 0; i < 100; ++i) words += "wörds ";
    catalog.methods[1].summary = words;
    catalog.methods[1].notes = words;
    for (Parameter& each : catalog.methods[1].parameters) each.help = words;
    catalog.methods[1].parameters[0].default_value = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    std::istringstream lines(describe_text(catalog, "clusters") + list_text(catalog));
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line);) {
        std::size_t width = 0;
        for (const char c : line) width += (c & 0xC0) != 0x80 ? 1 : 0;
        longest = std::max(longest, width);
        CAPTURE(line);
        CHECK(width <= 100);
    }
    CHECK(longest > 90);
}
