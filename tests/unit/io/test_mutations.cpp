// Matrix Market, .npy and 10x files with bytes changed or cut off at random: each is refused by name, or read as a
// matrix that is whole.
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>

#include "engine/io/matrix_market.hpp"
#include "engine/io/npy.hpp"
#include "tests/support/data_errors.hpp"
#include "tests/support/mutations.hpp"
#include "tests/support/program.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// A file as it should be: in a folder of its own with the files that belong to it.
struct Sample {
    std::string name;                          // of the file that is changed
    std::map<std::string, std::string> files;  // all of them
};

// What was read, to be compared with other readers.
using Read = std::function<nlohmann::json(const TemporaryDirectory&, const Sample&)>;

std::string in_gzip(const TemporaryDirectory& directory, const std::string& text) {
    const std::string path = directory.file("text.gz");
    const gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return contents(path);
}

// 7 features x 9 cells
std::string matrix_market(const std::string& kind) {
    std::string lines;
    std::size_t count = 0;
    for (int cell = 1; cell <= 9; ++cell) {
        for (int f = 1; f <= 7; ++f) {
            if ((cell * f) % 3 != 1) continue;
            lines += std::to_string(f) + " " + std::to_string(cell) + " " + std::to_string(10 * cell + f) +
                     (kind == "real" ? ".25\n" : "\n");
            ++count;
        }
    }
    return "%%MatrixMarket matrix coordinate " + kind + " general\n%written by hand\n7 9 " + std::to_string(count) +
           "\n" + lines;
}

std::string names(const std::string& prefix, int count) {
    std::string text;
    for (int i = 1; i <= count; ++i)
        text += prefix + std::to_string(i) + (prefix == "g" ? "\tname\tGene Expression\n" : "\n");
    return text;
}

nlohmann::json dense_json(const SparseCells<double>& cells) {
    require_valid(cells);
    const Matrix<double> dense = to_dense(cells);
    REQUIRE(dense.is_finite());
    return {{"values", rows_as_json(dense)}, {"shape", {cells.n_cells(), cells.n_features}}};
}

void check_mutations(const std::vector<Sample>& samples, const Read& read) {
    Generator random = mutation_generator();
    KeptMutations kept;
    std::map<std::string, std::size_t> outcomes;
    for (int kind = 0; kind < mutation_kinds; ++kind) {
        for (std::size_t i = 0; i < 4 * mutations_of_each_kind(); ++i) {
            const Sample& sample = samples[i % samples.size()];
            const TemporaryDirectory directory;
            for (const auto& [name, bytes] : sample.files) directory.write(name, bytes);
            const std::string& original = sample.files.at(sample.name);
            const std::string bytes = mutated(original, kind, random);
            directory.write(sample.name, bytes);
            try {
                const nlohmann::json found = read(directory, sample);
                ++outcomes[bytes == original ? "unchanged" : "read"];
                if (!kept.wanted() || bytes == original) continue;
                for (const auto& [name, unchanged] : sample.files)
                    kept.add("/" + name, name == sample.name ? bytes : unchanged);
                kept.add(".json", found.dump());
                kept.next();
            } catch (const DataError& error) {
                INFO(error.what());
                REQUIRE(std::string(error.what()).find(directory.file("")) == 0);  // a file of the folder is named
                ++outcomes["refused"];
            }
        }
    }
    if (mutations_of_each_kind() > 12)
        for (const auto& [outcome, n] : outcomes) std::cout << n << " " << outcome << "\n";
    CHECK(outcomes["refused"] > 0);
    CHECK(outcomes["read"] > 0);
}

}  // namespace

TEST_CASE("matrix market: changed files are refused or read whole", "[matrix_market][mutations]") {
    const TemporaryDirectory directory;
    const std::string text = matrix_market("real");
    check_mutations({{"m.mtx", {{"m.mtx", text}}}, {"m.mtx.gz", {{"m.mtx.gz", in_gzip(directory, text)}}}},
                    [](const TemporaryDirectory& folder, const Sample& sample) {
                        return dense_json(read_matrix_market<double>(folder.file(sample.name), CellsAre::columns));
                    });
}

TEST_CASE("10x: changed files are refused or read whole", "[matrix_market][mutations]") {
    const TemporaryDirectory directory;
    const std::map<std::string, std::string> plain = {
        {"matrix.mtx", matrix_market("integer")}, {"barcodes.tsv", names("c", 9)}, {"features.tsv", names("g", 7)}};
    std::map<std::string, std::string> zipped;
    for (const auto& [name, text] : plain) zipped[name + ".gz"] = in_gzip(directory, text);
    std::vector<Sample> samples;
    for (const auto& files : {plain, zipped})
        for (const auto& [name, text] : files) samples.push_back({name, files});
    check_mutations(samples, [](const TemporaryDirectory& folder, const Sample&) {
        const TenX<double> read = read_10x<double>(folder.file(""));
        REQUIRE(read.cell_names.size() == read.counts.n_cells());
        REQUIRE(read.feature_ids.size() == read.counts.n_features);
        nlohmann::json found = dense_json(read.counts);
        found["cells"] = read.cell_names;
        found["features"] = read.feature_ids;
        return nlohmann::json::parse(found.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    });
}

TEST_CASE("npy: changed files are refused or read whole", "[npy][mutations]") {
    const Matrix<float> cells(7, 9, arma::fill::randu);
    std::string fortran = npy::encode(npy::from_matrix(cells));
    fortran.replace(fortran.find("False"), 6, "True, ");  // as long as before
    std::vector<Sample> samples;
    for (const std::string& bytes : {npy::encode(npy::from_matrix(cells)), fortran,
                                     npy::encode(npy::from_matrix(Matrix<double>(5, 4, arma::fill::randu))),
                                     npy::encode({{3, 2}, std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}})})
        samples.push_back({"a.npy", {{"a.npy", bytes}}});
    check_mutations(samples, [](const TemporaryDirectory& folder, const Sample&) {
        const std::string path = folder.file("a.npy");
        const npy::Array array = npy::decode(contents(path), path);
        nlohmann::json found = {{"shape", array.shape}, {"flat", nlohmann::json::array()}};
        std::visit(
            [&](const auto& values) {
                std::size_t expected = 1;
                for (const std::size_t extent : array.shape) expected *= extent;
                REQUIRE(values.size() == expected);
                for (const auto value : values)  // JSON has no NaN
                    found["flat"].push_back(std::isfinite(static_cast<double>(value)) ? nlohmann::json(value)
                                                                                      : nlohmann::json());
            },
            array.values);
        return found;
    });
}
