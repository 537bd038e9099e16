// Tables in files: plain, compressed, damaged, real.
#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

#include "tests/support/tables.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

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
        options.cells = compressed ? gzipped(directory, "cells.gz", text) : directory.write("cells.csv", text);
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
    CHECK(load_error(directory.write("plain.csv.gz", small_cells)) == ": is called .gz, but is not gzip-compressed");

    const std::string bytes = bytes_in(directory.file("good.csv.gz"));
    const std::string truncated = directory.file("truncated.csv.gz");
    for (std::size_t length = 3; length < bytes.size(); ++length) {  // shorter ones have no gzip header at all
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
