// Cells without a type, kept: every other metric sees them, metrics on types do not.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/io/npy.hpp"
#include "tests/support/h5_file.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_cells.hpp"
#include "tests/support/runs.hpp"

using namespace bcbench;
using namespace bcbench::testing;
using nlohmann::json;

namespace {

const std::vector<std::string> on_types = {"type_purity",     "clisi", "silhouette_label",   "bras",
                                           "isolated_labels", "ksim",  "graph_connectivity", "nmi_kmeans",
                                           "kbet_per_label",  "sbee",  "type_variance_share"};
const std::vector<std::string> on_batches = {"batch_mixing_entropy", "ilisi", "kbet", "mean_shift",
                                             "batch_variance_share"};

// 150 cells of three types in two batches; every fifth has no type.
struct Cells {
    LabelledCells drawn = random_cells(4, 150, 3, 2, 5);

    static bool untyped(std::size_t i) { return i % 5 == 0; }

    std::string cells_csv(bool with_untyped) const {
        std::string text = "a,b,c,d\n";
        for (std::size_t i = 0; i < drawn.cells.n_cols; ++i) {
            if (untyped(i) && !with_untyped) continue;
            for (arma::uword f = 0; f < drawn.cells.n_rows; ++f) {
                char digits[40];
                std::snprintf(digits, sizeof digits, "%s%.17g", f > 0 ? "," : "", drawn.cells(f, i));
                text += digits;
            }
            text += "\n";
        }
        return text;
    }

    std::string meta_csv(bool with_untyped) const {
        std::string text = "batch,kind\n";
        for (std::size_t i = 0; i < drawn.cells.n_cols; ++i) {
            if (untyped(i) && !with_untyped) continue;
            text += "b" + std::to_string(drawn.batch.code[i]) +
                    (untyped(i) ? ",NA\n" : ",t" + std::to_string(drawn.label.code[i]) + "\n");
        }
        return text;
    }
};

json config_of(const std::string& type, const json& params) {
    json config = small_config({{"datasets", {{{"label", "data"}, {"type", type}, {"params", params}}}},
                                {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}}});
    config["metrics"] = {"mean_shift", "batch_variance_share", "batch_mixing_entropy", "ilisi", "kbet"};
    for (const std::string& metric : on_types)
        if (metric != "type_variance_share") config["metrics"].push_back(metric);
    return config;
}

struct Scored {
    json point;
    std::map<std::string, json> values;
    std::string printed;
};

Scored scored(const Scratch& run, const std::string& type, const json& params) {
    const std::string config = run.directory.write("config.json", config_of(type, params).dump());
    const Output output = run("run " + config + " --fresh --quiet --out " + run / "out");
    INFO(output.err);
    REQUIRE(output.code == 0);
    Scored result{json::parse(contents(run / "out/points/data.U.json")), {}, output.out};
    for (const json& row : result.point["metrics"]) result.values[row["metric"]] = row["value"];
    return result;
}

}  // namespace

TEST_CASE("cells kept without a type count for batches and not for types", "[run][missing]") {
    const Scratch run;
    const Cells cells;
    for (const bool all : {true, false}) {
        run.directory.write(all ? "all.csv" : "typed.csv", cells.cells_csv(all));
        run.directory.write(all ? "all_meta.csv" : "typed_meta.csv", cells.meta_csv(all));
    }
    json params = {{"cells", "all.csv"}, {"metadata", "all_meta.csv"}, {"batch_column", "batch"}};
    Scored whole = scored(run, "table", params);
    params["type_column"] = "kind";
    const std::string refused = run.directory.write("refused.json", config_of("table", params).dump());
    const Output error = run("run " + refused + " --quiet --out " + run / "refused");
    CHECK(error.code == 3);
    CHECK(contains(error.err + error.out, "column 2 ('kind'): is missing (NA), expected a label"));
    params["missing_types"] = "keep";
    Scored kept = scored(run, "table", params);
    params["missing_types"] = "drop";
    Scored dropped = scored(run, "table", params);
    Scored typed = scored(
        run, "table",
        {{"cells", "typed.csv"}, {"metadata", "typed_meta.csv"}, {"batch_column", "batch"}, {"type_column", "kind"}});
    for (const std::string& metric : on_types) {
        INFO(metric);
        CHECK(typed.values[metric].is_number());
        CHECK(kept.values[metric] == typed.values[metric]);
    }
    for (const std::string& metric : on_batches) {
        INFO(metric);
        CHECK(kept.values[metric] == whole.values[metric]);
    }
    CHECK(kept.values["mean_shift"] != typed.values["mean_shift"]);
    CHECK(dropped.values == typed.values);
    CHECK(contains(kept.printed,
                   "Warning: column 'kind': 30 of 150 cells have no type; metrics on types leave them out"));
    CHECK(contains(kept.point["outputs"]["metric_notes"].dump(),
                   "type_purity leaves out 30 of 150 cells, which have no type"));
    CHECK(contains(dropped.printed, "column 'kind': 30 of 150 cells have no type and were left out"));

    // the same of an array with the same metadata
    run.directory.write("all.npy", npy::encode(npy::from_matrix(cells.drawn.cells)));
    json of_array = {{"file", "all.npy"},
                     {"metadata", "all_meta.csv"},
                     {"batch_column", "batch"},
                     {"type_column", "kind"},
                     {"missing_types", "keep"}};
    CHECK(scored(run, "matrix", of_array).values == kept.values);
    of_array["missing_types"] = "drop";
    CHECK(scored(run, "matrix", of_array).values == dropped.values);
}

TEST_CASE("h5ad: cells without a type are kept, and other labels must still be there", "[run][missing][h5ad]") {
    const Scratch run;
    const std::string path = run / "x.h5ad";
    {
        H5File file(path);
        write_small(file);
        std::vector<std::string> kinds = {"t0", "", "t1", "t0", "t1", "NA", "t0", "t1", "t0", "t1"};
        file.texts("obs/part", kinds);
        std::vector<std::string> lanes(10, "1");
        lanes[3] = "NA";
        file.texts("obs/lane", lanes);
        const Handle obs = made(H5Oopen(file.id(), "obs", H5P_DEFAULT), H5Oclose);
        H5Adelete(obs.get(), "column-order");
        file.attribute("obs", "column-order", std::vector<std::string>{"donor", "kind", "count", "part", "lane"});
    }
    json params = {{"file", "x.h5ad"}, {"batch_column", "donor"}, {"type_column", "part"}, {"missing_types", "keep"}};
    json config = small_config({{"datasets", {{{"label", "data"}, {"type", "h5ad"}, {"params", params}}}},
                                {"methods", {{{"label", "U"}, {"type", "uncorrected"}}}},
                                {"metrics", {"mean_shift"}}});
    const auto outcome = [&] {
        return run("run " + run.directory.write("config.json", config.dump()) + " --fresh --quiet --out " +
                   run / "out");
    };
    REQUIRE(outcome().code == 0);
    const json types = json::parse(contents(run / "out/points/data.U.json"))["dataset"]["types"];
    CHECK(types["names"] == json{"t0", "(unlabelled)", "t1"});
    CHECK(types["sizes"] == json{4, 2, 4});
    config["datasets"][0]["params"]["missing_types"] = "drop";
    const Output dropped = outcome();
    CHECK(contains(dropped.out, "Warning: column 'part': 2 cells have no type and were left out"));
    config["datasets"][0]["params"]["missing_types"] = "missing";  // as `missing` says: an error
    CHECK(outcome().code == 3);
    config["datasets"][0]["params"].update({{"missing_types", "keep"}, {"covariates", {"lane"}}});
    CHECK(contains(outcome().out, "obs/lane: 1 of 10 cells have no label"));
}
