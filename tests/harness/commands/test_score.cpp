// bcbench score: an embedding and its labels from files of every kind, without a config.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "engine/io/npy.hpp"
#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"
#include "experiments/plan/cost.hpp"
#include "experiments/run/score_embedding.hpp"
#include "tests/support/h5_file.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_cells.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

// The same 300 cells of 4 features, 3 types and 2 batches in the files emb.npy, emb.csv and meta.tsv.
struct Files {
    Scratch run;
    arma::mat cells;  // [4 x 300]

    explicit Files(arma::uword n = 300) : cells(4, n) {
        std::string text = "a,b,c,d\n";
        std::string labels = "cell\tbatch\tcell_type\n";
        std::uint32_t state = 1;
        for (arma::uword i = 0; i < n; ++i) {
            for (arma::uword f = 0; f < 4; ++f) {
                state = state * 1664525U + 1013904223U;
                cells(f, i) = static_cast<double>(state >> 8) / 65536.0 + (f == i % 3 ? 90.0 : 0.0);
                text += nlohmann::json(cells(f, i)).dump() + (f == 3 ? "\n" : ",");
            }
            labels +=
                "c" + std::to_string(i) + (i % 2 == 0 ? "\tleft" : "\tright") + "\tt" + std::to_string(i % 3) + "\n";
        }
        run.directory.write("emb.npy", npy::encode(npy::from_matrix(cells)));
        run.directory.write("emb.csv", text);
        run.directory.write("meta.tsv", labels);
    }

    Output score(const std::string& arguments) const { return run("score " + arguments); }
    std::string at(const std::string& name) const { return run / name; }
};

std::map<std::string, nlohmann::json> by_name(const std::string& text) {
    std::map<std::string, nlohmann::json> rows;
    const nlohmann::json result = nlohmann::json::parse(text);
    for (const nlohmann::json& row : result.at("metrics")) rows[row.at("metric")] = row;
    return rows;
}

}  // namespace

TEST_CASE("score gives the values of a run", "[cli][score]") {
    const Files files;
    nlohmann::json config =
        small_config({{"datasets",
                       {{{"label", "d"},
                         {"type", "table"},
                         {"params",
                          {{"cells", "emb.csv"},
                           {"metadata", "meta.tsv"},
                           {"batch_column", "batch"},
                           {"type_column", "cell_type"}}}}}},
                      {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}},
                      {"metrics", {"scib-metrics-0.6", {{"type", "kbet"}, {"params", {{"alpha", 0.1}}}}}}});
    files.run.directory.write("c.json", config.dump());
    REQUIRE(files.run("run " + files.at("c.json") + " --quiet --out " + files.at("out")).code == 0);
    const std::string file = contents(files.at("out/points/d.U.json"));
    std::map<std::string, nlohmann::json> of_run;
    const nlohmann::json point = nlohmann::json::parse(file);
    for (const nlohmann::json& row : point.at("metrics")) of_run[row.at("metric")] = row;
    for (const char* embedding : {"emb.npy", "emb.csv"}) {
        const Output output = files.score(
            files.at(embedding) + " " + files.at("meta.tsv") + " --before " + files.at("emb.npy") +
            " --preset scib-metrics-0.6 --format json --metrics '{\"type\": \"kbet\", \"params\": {\"alpha\": 0.1}}'");
        INFO(embedding << output.err);
        REQUIRE(output.code == 0);
        const auto rows = by_name(output.out);
        REQUIRE(rows.size() == of_run.size());
        REQUIRE(rows.count("kbet(alpha=0.1)") == 1);
        for (const auto& [name, row] : rows) {
            INFO(name);
            REQUIRE(of_run.count(name) == 1);
            CHECK(row.at("value") == of_run[name].at("value"));
            CHECK(row.at("version") == of_run[name].at("version"));
            CHECK_FALSE(row.at("definition").get<std::string>().empty());
        }
        CHECK(rows.at("total").at("value").is_number());
    }
}

TEST_CASE("score prints one row a value in every format, the same for any number of threads", "[cli][score]") {
    const Files files;
    const std::string names = files.at("emb.npy") + " " + files.at("meta.tsv");
    const Output csv = files.score(names + " --format csv --threads 1");
    REQUIRE(csv.code == 0);
    CHECK(csv.out.rfind("metric,value,direction,status,reason,group,version,definition\n", 0) == 0);
    const auto rows = by_name(files.score(names + " --format json").out);
    CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') == static_cast<long>(rows.size()) + 1);
    CHECK(rows.at("ilisi").at("value").is_number());
    // without the cells before there is no comparison with them, and no total over fewer members
    CHECK(rows.at("pcr_comparison").at("status") == "not_applicable");
    CHECK(contains(rows.at("total").at("reason").get<std::string>(), "pcr_comparison"));
    CHECK(contains(csv.out,
                   "pcr_comparison,,higher,not_applicable,\"needs the uncorrected cells, which are not given\""));
    CHECK(files.score(names + " --format csv --threads 3").out == csv.out);
    CHECK(contains(files.score(names).out, "silhouette_label"));
    const Output chosen = files.score(names + " --format csv --metrics clisi ksim --precision float32");
    CHECK(contains(chosen.out, "\nksim_accept_rate,"));
    CHECK_FALSE(contains(chosen.out, "kbet"));
}

TEST_CASE("score without batches or without types says what does not apply", "[cli][score]") {
    const Files files;
    const std::string names = files.at("emb.npy") + " " + files.at("meta.tsv") + " --format json ";
    const auto no_types = by_name(files.score(names + "--type ''").out);
    CHECK(contains(no_types.at("clisi").at("reason").get<std::string>(), "needs cell types"));
    CHECK(no_types.at("ilisi").at("value").is_number());
    const auto no_batches = by_name(files.score(names + "--batch ''").out);
    CHECK(contains(no_batches.at("ilisi").at("reason").get<std::string>(), "needs at least two batches"));
    CHECK(no_batches.at("nmi_kmeans").at("value").is_number());
}

TEST_CASE("the means of OpenProblems weigh every value alike and want all of them", "[cli][score]") {
    const Files files;
    const std::string names =
        files.at("emb.npy") + " " + files.at("meta.tsv") + " --preset openproblems --format json ";
    const auto complete = by_name(files.score(names + "--before " + files.at("emb.npy")).out);
    double sum = 0.0;
    std::size_t count = 0;
    for (const auto& [name, row] : complete) {
        const std::string group = row.at("group");
        if (group != "mixing" && group != "biology") continue;
        INFO(name);
        REQUIRE(row.at("value").is_number());
        sum += row.at("value").get<double>();
        ++count;
    }
    CHECK(count == 14);
    CHECK(complete.at("openproblems_total").at("value").get<double>() == Approx(sum / 14.0).epsilon(1e-12));
    CHECK(complete.at("cilisi_means").at("value").is_number());
    CHECK(complete.count("total") == 0);
    const auto without = by_name(files.score(names).out);
    for (const char* name : {"openproblems_total", "openproblems_batch_correction"}) {
        CHECK(without.at(name).at("status") == "not_applicable");
        CHECK(without.at(name).at("reason") == "incomplete without pcr_comparison");
    }
    CHECK(without.at("openproblems_bio_conservation").at("value").is_number());
}

TEST_CASE("score reads AnnData files", "[cli][score][h5ad]") {
    const Scratch run;
    const std::string file = small_file(run / "small.h5ad");
    arma::mat cells(small_n_dimensions, small_n_cells);
    const std::vector<float> values = small_cells(small_n_cells, small_n_dimensions);
    std::copy(values.begin(), values.end(), cells.begin());
    run.directory.write("same.npy", npy::encode(npy::from_matrix(cells)));
    const std::string asked = " --batch donor --type kind --metrics silhouette_label bras --format csv";
    const Output whole = run("score " + file + asked);
    INFO(whole.err);
    REQUIRE(whole.code == 0);
    CHECK(contains(whole.out, "silhouette_label,0."));
    CHECK(run("score " + file + ":obsm/X_pca" + asked).out == whole.out);
    CHECK(run("score " + (run / "same.npy") + " " + file + asked).out == whole.out);
    const Output absent = run("score " + file + ":obsm/X_scvi" + asked);
    CHECK(absent.code == 2);
    CHECK(contains(absent.err, "X_scvi"));
    CHECK(contains(run("score " + file).err, "donor, kind, count"));
}

TEST_CASE("score finds the labels of cells that have names by name", "[cli][score]") {
    const Scratch run;
    std::string cells = "cell,a,b\n", before = "cell,a,b\n", turned = "cell,batch\n", straight = "cell,batch\n";
    for (int i = 0; i < 60; ++i) {
        const auto row = [](int cell) {
            return "c" + std::to_string(cell) + "," + std::to_string(cell * 7 % 11) + "," + std::to_string(cell % 2) +
                   "\n";
        };
        const auto label = [](int cell) { return "c" + std::to_string(cell) + (cell % 2 ? ",x\n" : ",y\n"); };
        cells += row(i);
        before += row((i + 17) % 60);
        straight += label(i);
        turned += label(59 - i);
    }
    run.directory.write("cells.csv", cells);
    run.directory.write("before.csv", before);
    run.directory.write("straight.csv", straight);
    run.directory.write("turned.csv", turned);
    const auto scored = [&](const std::string& metadata, const std::string& uncorrected) {
        const Output output =
            run("score " + run / "cells.csv" + " " + run / metadata + " --before " + run / uncorrected +
                " --metrics batch_mixing_entropy pcr_comparison batch_variance_share --format csv");
        INFO(output.err);
        CHECK(output.code == 0);
        return output.out;
    };
    const std::string expected = scored("straight.csv", "cells.csv");
    CHECK(scored("turned.csv", "cells.csv") == expected);
    CHECK(scored("turned.csv", "before.csv") == expected);
}

TEST_CASE("score can keep cells without a type, where the metrics on types leave them out", "[cli][score]") {
    const Files files;
    std::string meta = contents(files.at("meta.tsv"));
    std::string all_but_two;  // their types taken away
    std::size_t line = 0;
    for (std::size_t start = 0; start < meta.size(); ++line) {
        const std::size_t end = meta.find('\n', start);
        std::string row = meta.substr(start, end - start);
        if (line == 3 || line == 8) row = row.substr(0, row.rfind('\t') + 1);
        all_but_two += row + '\n';
        start = end + 1;
    }
    files.run.directory.write("untyped.tsv", all_but_two);
    const std::string names =
        files.at("emb.npy") + " " + files.at("untyped.tsv") + " --metrics clisi ilisi --format json";
    const Output refused = files.score(names);
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "column \"cell_type\": 2 of "));
    CHECK(contains(refused.err, "the first is cell 2 (from 0)"));
    CHECK(contains(refused.err, "--missing-types keep"));
    const Output kept = files.score(names + " --missing-types keep");
    INFO(kept.err);
    REQUIRE(kept.code == 0);
    CHECK(contains(kept.err, "clisi leaves out 2 of "));
    CHECK(by_name(kept.out).at("clisi").at("value").is_number());
    const Output all = files.score(files.at("emb.npy") + " " + files.at("meta.tsv") + " --metrics ilisi --format json");
    CHECK(by_name(kept.out).at("ilisi").at("value") == by_name(all.out).at("ilisi").at("value"));
    CHECK(nlohmann::json::parse(kept.out).at("n_types") == nlohmann::json::parse(all.out).at("n_types"));
}

TEST_CASE("score says what is wrong with its input", "[cli][score][bad]") {
    const Files files;
    const std::string good = files.at("emb.npy") + " ";
    const std::string meta = files.at("meta.tsv") + " ";
    files.run.directory.write("transposed.npy", npy::encode(npy::from_matrix(arma::mat(files.cells.t()))));
    arma::mat infinite = files.cells;
    infinite(2, 7) = arma::datum::inf;
    files.run.directory.write("infinite.npy", npy::encode(npy::from_matrix(infinite)));
    files.run.directory.write("other.tsv", "cell\tdonor\na\tx\n");
    files.run.directory.write("named.csv", "cell,PC1\nc1,0\nc0,1\n");
    files.run.directory.write("strange.tsv", "cell\tbatch\nc1\tx\nc2\ty\n");
    files.run.directory.write("hole.tsv", "cell\tbatch\nc0\tx\nc1\t\n");
    const std::vector<std::pair<std::string, std::string>> faults = {
        {good + meta + "--metrics ilsi", "did you mean \"ilisi\""},
        {good + meta + "--preset scib", "there is no preset \"scib\""},
        {good + meta + "--batch donor", "there is no column 'donor'"},
        {good + meta + "--metrics '{\"type\": \"kbet\", \"params\": {\"alpha\": 2}}'", "alpha"},
        {good, "METADATA is missing"},
        {good + files.at("other.tsv"), "name the column of the batches with --batch"},
        {files.at("transposed.npy") + " " + meta, "is it transposed?"},
        {files.at("infinite.npy") + " " + meta, "cell 7, feature 2 (from 0) is not finite"},
        {files.at("named.csv") + " " + files.at("strange.tsv"),
         "but not one for one: 1 cell has no row ('c0'); 1 row names no cell ('c2')"},
        {files.at("named.csv") + " " + files.at("hole.tsv"), ":3: column 2 ('batch'): is empty"},
        {files.at("absent.npy") + " " + meta, "absent.npy"},
        {meta + good, "emb.npy"},
    };
    for (const auto& [arguments, message] : faults) {
        const Output output = files.score(arguments);
        INFO(arguments << "\n" << output.err);
        CHECK(output.code == 2);
        CHECK(contains(output.err, message));
        CHECK(output.out.empty());
    }
}

TEST_CASE("the time that metrics take is known to a factor of three", "[score][plan]") {
    const auto seconds = [](const char* name, double n_cells) {
        return seconds_of_metrics(make_metrics(OrderedJson::array({name}), "metrics", catalog()), n_cells, 50.0);
    };
    // measured on one thread of an Intel Xeon (family 6, model 207): 0.26, 1.6 and 12.6 s
    for (const auto& [n_cells, measured] : {std::pair{3500.0, 0.26}, {10000.0, 1.6}, {50000.0, 12.6}}) {
        CHECK(seconds("scib-metrics-0.6", n_cells) > measured / 3.0);
        CHECK(seconds("scib-metrics-0.6", n_cells) < measured * 3.0);
    }
    CHECK(seconds("bras", 1e6) < 0.1 * seconds("ilisi", 1e6));
    CHECK(seconds("total", 1e5) >= seconds("kbet_per_label", 1e5));
}

TEST_CASE("score_embedding takes arrays as they are", "[score]") {
    const LabelledCells data = random_cells(3, 120, 5, 2, 3);
    const Dataset<double> labels{{}, data.batch, data.label};
    const auto metrics = make_metrics({"scib-metrics-0.6"}, "metrics", catalog());
    std::vector<std::string> begun;
    const auto scored = score_embedding<double>(data.cells, arma::mat(), labels, metrics,
                                                [&](const std::string& name) { begun.push_back(name); });
    CHECK(begun.size() == metrics.size());
    REQUIRE(scored.metrics.size() == metrics.size());
    for (const ScoredMetric& metric : scored.metrics) {
        const bool needs_before = metric.type == "pcr_comparison" || metric.type == "total";
        CHECK(metric.output.scores.front().value.has_value() != needs_before);
    }
    Dataset<double> short_labels = labels;
    short_labels.type.code.pop_back();
    CHECK_THROWS_WITH(score_embedding<double>(data.cells, arma::mat(), short_labels, metrics),
                      Catch::Contains("119 type labels of 120 cells"));
    CHECK_THROWS_WITH(score_embedding<double>(data.cells, arma::mat(2, 3), labels, metrics),
                      Catch::Contains("3 cells before and 120 after"));
}
