// Files with bytes changed or cut off at random: the reader survives every one, and what it still reads fits together.
//   BCBENCH_H5AD_MUTATIONS=N   so many of each kind (default 12)
//   BCBENCH_H5AD_KEEP=DIR      keeps each that was read without fault, and differs, with what was read (for
//                              compare_mutations.py, which asks another version of the library)
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/harness/h5ad/small.hpp"

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

using Generator = std::mt19937_64;

std::string mutated(std::string bytes, int kind, Generator& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const std::size_t head = std::min<std::size_t>(bytes.size(), 8192);
    const auto change = [&](std::size_t at) { bytes[at] = static_cast<char>(random()); };
    const auto flip = [&](std::size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); };
    switch (kind) {
        case 0:
            bytes.resize(below(bytes.size()));
            break;
        case 1:
            for (std::size_t i = 1 + below(3); i > 0; --i) change(below(head));
            break;
        case 2:
            for (std::size_t i = 1 + below(8); i > 0; --i) change(below(bytes.size()));
            break;
        case 3:
            flip(below(bytes.size()));
            break;
        case 4: {  // a run of zeros or ones
            const std::size_t at = below(bytes.size()), count = std::min(1 + below(64), bytes.size() - at);
            bytes.replace(at, count, std::string(count, below(2) != 0 ? '\xff' : '\0'));
            break;
        }
        default: {  // a piece of the file in another place
            const std::size_t from = below(bytes.size()), to = below(bytes.size());
            const std::size_t count = std::min({1 + below(256), bytes.size() - from, bytes.size() - to});
            bytes.replace(to, count, bytes.substr(from, count));
        }
    }
    return bytes;
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
    nlohmann::json json = {{"path", sample.cells}, {"names", data.cell_names}, {"values", nlohmann::json::array()}};
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        json["values"].push_back(std::vector<float>(cells.begin_col(i), cells.end_col(i)));
    }
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

std::size_t number_of(const char* variable, std::size_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoul(text);
}

}  // namespace

TEST_CASE("h5ad: changed files are refused or read, and never harm", "[h5ad]") {
    const std::size_t count = number_of("BCBENCH_H5AD_MUTATIONS", 12);
    const char* keep = std::getenv("BCBENCH_H5AD_KEEP");
    const TemporaryDirectory directory;
    Generator random(number_of("BCBENCH_H5AD_SEED", 1));
    const std::vector<Sample> all = samples();
    std::map<std::string, std::size_t> outcomes;
    std::size_t kept = 0;
    for (int kind = 0; kind < 6; ++kind) {
        for (std::size_t i = 0; i < count; ++i) {
            const Sample& sample = all[i % all.size()];
            const std::string bytes = mutated(sample.bytes, kind, random);
            const std::string file = directory.write("x.h5ad", bytes);
            H5adRequest request = small_request(sample.cells);
            request.label_columns = sample.labels;
            request.missing = MissingLabels::label;
            request.limits.stall_seconds = 10;
            try {
                const auto data = read_h5ad<float>(file, request);
                require_consistent(data);
                ++outcomes[bytes == sample.bytes ? "unchanged" : "read"];
                if (keep != nullptr && bytes != sample.bytes) {
                    const std::string name = std::string(keep) + "/" + std::to_string(kept++);
                    std::ofstream(name + ".h5ad", std::ios::binary) << bytes;
                    std::ofstream(name + ".json") << as_json(data, sample);
                }
            } catch (const DataError& error) {
                REQUIRE(std::string(error.what()).find(file) == 0);
                ++outcomes[outcome_of(error.what())];
            }
        }
    }
    if (count > 12) {
        for (const auto& [outcome, n] : outcomes) std::cout << n << " " << outcome << "\n";
    }
    CHECK(outcomes["refused"] > 0);
    CHECK(outcomes["read"] > 0);
}
