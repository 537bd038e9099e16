// Files that the real anndata wrote (scripts/h5ad_samples.sh makes them): what it reads from them is what is read here,
// number by number and name by name.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/harness/h5ad/small.hpp"

using namespace bcbench;
using namespace bcbench::testing;
namespace fs = std::filesystem;

namespace {

const fs::path home = fs::path(BCBENCH_SOURCE_DIR) / "build" / "h5ad";

// The questions, or nothing where the files could not be made.
std::optional<nlohmann::json> manifest() {
    const fs::path file = home / "samples" / "manifest.json";
    if (fs::exists(file)) return nlohmann::json::parse(contents(file));
    WARN("skipped: no files of the real anndata; scripts/h5ad_samples.sh makes them where PyPI can be reached");
    return std::nullopt;
}

std::vector<std::string> keys_of(const nlohmann::json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);
    return keys;
}

void check_answer(const nlohmann::json& question, const H5adData<double>& data) {
    const Matrix<double> cells = data.is_sparse ? to_dense(data.sparse) : data.cells;
    REQUIRE(cells.n_cols == question.at("names").size());
    const auto rows = question.at("rows").get<std::vector<std::size_t>>();  // all, or a hundred of many
    const auto values = question.at("values").get<std::vector<std::vector<double>>>();
    bool same = values.size() == rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        REQUIRE(cells.n_rows == values[i].size());
        same = same && std::equal(values[i].begin(), values[i].end(), cells.begin_col(rows[i]));
    }
    CHECK(same);
    CHECK(data.cell_names == question.at("names").get<std::vector<std::string>>());
    CHECK(data.feature_names == question.at("features").get<std::vector<std::string>>());
    for (const H5adLabelColumn& column : data.labels) {
        INFO("label column " << column.name);
        const nlohmann::json& expected = question.at("labels").at(column.name);
        std::vector<std::string> read, wanted;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            read.push_back(column.labels.names[column.labels.code[i]]);
            wanted.push_back(expected[i].is_null() ? missing_label : expected[i].get<std::string>());
        }
        CHECK(read == wanted);
    }
    for (const H5adNumberColumn& column : data.numbers) {
        INFO("number column " << column.name);
        const nlohmann::json& expected = question.at("numbers").at(column.name);
        bool equal = column.values.size() == expected.size();
        for (std::size_t i = 0; equal && i < expected.size(); ++i) {
            equal =
                expected[i].is_null() ? std::isnan(column.values[i]) : column.values[i] == expected[i].get<double>();
        }
        CHECK(equal);
    }
}

// All that check_written.py looks for, in two steps.
void write_both(const std::string& file, const std::string& out, const std::string& first) {
    const std::size_t n_cells = describe_h5ad(file, small_limits()).n_cells;
    H5adAdditions additions;
    Matrix<float> cells(3, n_cells);
    for (arma::uword i = 0; i < cells.n_elem; ++i) cells(i) = static_cast<float>(i);
    additions.embeddings = {{obsm_key("Harmony.n_iterations=5"), cells}};
    additions.unstructured = {{"version", "0.1.0"},   {"seed", 3},
                              {"checked", true},      {"scores", {{"mixing", 0.25}}},
                              {"labels", {"x", "y"}}, {"losses", {1.5, 2}}};
    write_h5ad(file, first, additions, small_limits());
    H5adAdditions part;
    part.embeddings = {{obsm_key("part"), Matrix<float>{{1.0F, 3.0F}, {2.0F, 4.0F}}}};
    part.rows = {0, n_cells - 1};
    write_h5ad(first, out, part, small_limits());
}

}  // namespace

TEST_CASE("h5ad: every file of the real anndata is read as it reads it itself", "[h5ad]") {
    const auto questions = manifest();
    if (!questions) return;
    for (const nlohmann::json& question : questions->at("cases")) {
        const std::string file = (home / "samples" / question.at("file").get<std::string>()).string();
        H5adRequest request = small_request(question.at("cells"));
        INFO(file << " " << request.cells);
        if (question.contains("refused")) {
            request.label_columns = question.at("asked").get<std::vector<std::string>>();
            CHECK_THAT(error_of([&] { read_h5ad<double>(file, request); }),
                       Catch::Contains(question.at("refused").get<std::string>()));
            continue;
        }
        request.label_columns = keys_of(question.at("labels"));
        request.number_columns = keys_of(question.at("numbers"));
        request.missing = MissingLabels::label;
        check_answer(question, read_h5ad<double>(file, request));
    }
}

TEST_CASE("h5ad: the real anndata opens what was written", "[h5ad]") {
    if (!manifest()) return;
    const TemporaryDirectory directory;
    std::string command =
        "'" + (home / "venv/bin/python").string() + "' " BCBENCH_SOURCE_DIR "/tests/harness/h5ad/check_written.py";
    for (const char* name : {"plain.h5ad", "gzip.h5ad", "nullable_text.h5ad", "no_X.h5ad"}) {
        const std::string file = (home / "samples" / name).string(), out = directory.file(name);
        write_both(file, out, directory.file("first"));
        command += " '" + file + "' '" + out + "'";
    }
    const int status = std::system((command + " > '" + directory.file("log") + "' 2>&1").c_str());
    INFO(contents(directory.file("log")));
    CHECK(status == 0);
}

TEST_CASE("h5ad: pbmc68k_reduced and the PBMCs of three donors run, and the real anndata opens the copies", "[h5ad]") {
    const fs::path archives = home / "anndata-0.12.19" / "tests" / "data" / "archives";
    if (!manifest()) return;
    if (!fs::exists(archives / "v0.5.0" / "adata.h5ad")) {
        WARN("skipped: the source package of anndata, which has scanpy's pbmc68k_reduced, is not there");
        return;
    }
    const TemporaryDirectory directory;
    const char* data = std::getenv("BCBENCH_DATA");
    const bool has_data = data != nullptr && fs::exists(fs::path(data) / "pbmc_3500_pcs.tsv.gz");
    std::string command = "'" + (home / "venv/bin/python").string() +
                          "' " BCBENCH_SOURCE_DIR "/tests/harness/h5ad/check_run.py " BCBENCH_PROGRAM " '" +
                          directory.file("") + "' '" + archives.string() + "'";
    if (has_data)
        command += " '" + std::string(data) + "'";
    else
        WARN("the PBMCs of three donors are left out: $BCBENCH_DATA has no pbmc_3500_pcs.tsv.gz");
    const int status = std::system((command + " > '" + directory.file("log") + "' 2>&1").c_str());
    INFO(contents(directory.file("log")));
    CHECK(status == 0);
}
