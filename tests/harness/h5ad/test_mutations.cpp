// Files with bytes changed or cut off at random: the reader survives every one, and what it still reads fits together;
// a copy made of one is refused or holds what the file holds.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/harness/h5ad/small.hpp"
#include "tests/support/mutations.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

struct Sample {
    std::string bytes;
    std::string cells;
    std::vector<std::string> labels;
};

Sample sample_of(const std::string& file, const std::string& cells, const std::vector<std::string>& labels) {
    return {contents(file), cells, labels};
}

// The small file in several layouts, and the real ones if there are some.
std::vector<Sample> samples() {
    const TemporaryDirectory directory;
    H5Storage vectors{{4}, true}, matrix{{4, 2}, true};
    std::vector<Sample> all;
    for (const bool chunked : {false, true}) {
        const std::string file =
            small_file(directory.file("x.h5ad"), chunked ? vectors : H5Storage{}, chunked ? matrix : H5Storage{});
        all.push_back(sample_of(file, "obsm/X_pca", {"donor", "kind"}));
        all.push_back(sample_of(file, "X", {"donor", "kind"}));
    }
    const std::string newest = small_file(directory.file("x.h5ad"), vectors, matrix, true);
    all.push_back(sample_of(newest, "obsm/X_pca", {"donor", "kind"}));
    const std::filesystem::path real = std::filesystem::path(BCBENCH_SOURCE_DIR) / "build/h5ad/samples";
    if (std::filesystem::exists(real / "manifest.json")) {
        all.push_back(sample_of((real / "no_X.h5ad").string(), "obsm/X_pca", {"donor"}));
        all.push_back(sample_of((real / "X_csc.h5ad").string(), "X", {"donor"}));
        if (std::filesystem::exists(real / "v0.7.0.h5ad")) {
            all.push_back(sample_of((real / "v0.7.0.h5ad").string(), "obsm/array", {"obs_cat"}));
        }
    }
    return all;
}

void require_consistent(const H5adData<float>& data) {
    const std::size_t n = data.rows.size();
    REQUIRE(n > 0);
    REQUIRE(data.cell_names.size() == n);
    if (data.is_sparse) {
        require_valid(data.sparse);
        REQUIRE(data.sparse.n_cells() == n);
        REQUIRE(data.feature_names.size() == data.sparse.n_features);
        for (const float value : data.sparse.value) REQUIRE(std::isfinite(value));
    } else {
        REQUIRE(data.cells.n_cols == n);
        REQUIRE(data.cells.is_finite());
        REQUIRE(data.feature_names.size() == data.cells.n_rows);
    }
    for (const H5adLabelColumn& column : data.labels) {
        REQUIRE(column.labels.code.size() == n);
        for (const std::uint32_t code : column.labels.code) REQUIRE(code < column.labels.names.size());
    }
}

// What was read, for a comparison with other readers.
std::string as_json(const H5adData<float>& data, const Sample& sample) {
    const Matrix<float> cells = data.is_sparse ? to_dense(data.sparse) : data.cells;
    nlohmann::json json = {{"path", sample.cells}, {"names", data.cell_names}, {"values", rows_as_json(cells)}};
    for (const H5adLabelColumn& column : data.labels) {
        nlohmann::json& labels = json["labels"][column.name] = nlohmann::json::array();
        for (const std::uint32_t code : column.labels.code) labels.push_back(column.labels.names[code]);
    }
    return json.dump();
}

std::string outcome_of(const std::string& message) {
    if (message.find("stopped with signal") != std::string::npos) return "crashes of the library";
    if (message.find("made no progress") != std::string::npos) return "hangs of the library";
    if (message.find("gave no answer") != std::string::npos) return "workers that ended without an answer";
    return "refused";
}

H5adRequest request_of(const Sample& sample) {
    H5adRequest request = small_request(sample.cells);
    request.label_columns = sample.labels;
    request.missing = MissingLabels::label;
    request.limits.stall_seconds = 10;
    return request;
}

void print(const std::map<std::string, std::size_t>& outcomes) {
    if (mutations_of_each_kind() <= 12) return;
    for (const auto& [outcome, n] : outcomes) std::cout << n << " " << outcome << "\n";
}

}  // namespace

TEST_CASE("h5ad: changed files are refused or read, and never harm", "[h5ad][mutations]") {
    const TemporaryDirectory directory;
    Generator random = mutation_generator();
    const std::vector<Sample> all = samples();
    std::map<std::string, std::size_t> outcomes;
    KeptMutations kept;
    for (int kind = 0; kind < mutation_kinds; ++kind) {
        for (std::size_t i = 0; i < mutations_of_each_kind(); ++i) {
            const Sample& sample = all[i % all.size()];
            const std::string bytes = mutated(sample.bytes, kind, random);
            const std::string file = directory.write("x.h5ad", bytes);
            try {
                const auto data = read_h5ad<float>(file, request_of(sample));
                require_consistent(data);
                ++outcomes[bytes == sample.bytes ? "unchanged" : "read"];
                if (kept.wanted() && bytes != sample.bytes) {
                    kept.add(".h5ad", bytes);
                    kept.add(".json", as_json(data, sample));
                    kept.next();
                }
            } catch (const DataError& error) {
                REQUIRE(std::string(error.what()).find(file) == 0);
                ++outcomes[outcome_of(error.what())];
            }
        }
    }
    print(outcomes);
    CHECK(outcomes["refused"] > 0);
    CHECK(outcomes["read"] > 0);
}

TEST_CASE("h5ad: copies of changed files are refused, or hold what the file holds", "[h5ad][mutations]") {
    const TemporaryDirectory directory;
    Generator random = mutation_generator();
    std::vector<Sample> all = samples();
    std::map<std::string, std::size_t> outcomes;
    for (int kind = 0; kind < mutation_kinds; ++kind) {
        for (std::size_t i = 0; i < (mutations_of_each_kind() + 3) / 4; ++i) {
            const Sample& sample = all[i % 5];  // those of ten cells
            const std::string bytes = mutated(sample.bytes, kind, random);
            const std::string file = directory.write("x.h5ad", bytes), out = directory.file("out.h5ad");
            std::filesystem::remove(out);
            H5adAdditions additions;
            additions.embeddings = {{"X_new", Matrix<float>(2, small_n_cells, arma::fill::randu)}};
            additions.unstructured = {{"version", "1"}};
            const Matrix<float> written = additions.embeddings[0].cells;
            H5adRequest request = request_of(sample), added = request_of(sample);
            added.cells = "obsm/X_new";
            try {
                write_h5ad(file, out, additions, request.limits);
            } catch (const DataError& error) {
                CHECK(std::string(error.what()).find(file) == 0);
                CHECK_FALSE(std::filesystem::exists(out));
                ++outcomes["copies refused"];
                continue;
            }
            ++outcomes["copies written"];
            CHECK(contents(file) == bytes);
            std::optional<H5adData<float>> before;
            try {
                before = read_h5ad<float>(file, request);
            } catch (const DataError&) {
                ++outcomes["of files that are refused when they are read"];
                continue;
            }
            CHECK(arma::approx_equal(read_h5ad<float>(out, added).cells, written, "absdiff", 0.0));
            const auto after = read_h5ad<float>(out, request);
            CHECK(as_json(after, sample) == as_json(*before, sample));
        }
    }
    print(outcomes);
    CHECK(outcomes["copies refused"] > 0);
    CHECK(outcomes["copies written"] > 0);
}
