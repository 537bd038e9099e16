// Every metric on data at the edge of what it is defined for: a value, or a reason that names what is missing.
#include <catch2/catch.hpp>
#include <map>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"
#include "experiments/run/score_embedding.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

using Reasons = std::map<std::string, std::string>;

struct Scored {
    std::map<std::string, Score> rows;
    std::map<std::string, Reasons> left_out;  // by metric and label
    std::map<std::string, double> of_label;   // "metric/label"
};

Scored score_all(const LabelledCells& data) {
    OrderedJson names = OrderedJson::array();
    for (const MetricDefinition& metric : metric_table()) names.push_back(metric.name);
    arma::mat before = data.cells;
    before.row(0) += arma::conv_to<arma::rowvec>::from(data.batch.code);
    const Dataset<double> labels{{}, data.batch, data.label};
    Scored scored;
    for (const ScoredMetric& metric :
         score_embedding<double>(data.cells, before, labels, make_metrics(names, "metrics", catalog())).metrics) {
        for (const Score& score : metric.output.scores) scored.rows[score.metric] = score;
        for (const PerLabel& label : metric.output.per_label) {
            if (!label.value) scored.left_out[label.name][label.label] = label.reason;
            if (label.value) scored.of_label[label.name + "/" + label.label] = *label.value;
        }
    }
    return scored;
}

// The rows in `expected` have no value, for a reason with these words; all others have one.
void check_reasons(const Scored& scored, const Reasons& expected) {
    for (const auto& [name, words] : expected) {
        INFO(name);
        CHECK(scored.rows.count(name) == 1);
    }
    for (const auto& [name, row] : scored.rows) {
        const auto found = expected.find(name);
        INFO(name << ": " << (row.value ? std::to_string(*row.value) : row.not_applicable_reason));
        CHECK(row.value.has_value() == (found == expected.end()));
        if (found != expected.end()) CHECK_THAT(row.not_applicable_reason, Catch::Contains(found->second));
        if (row.value) CHECK(std::isfinite(*row.value));
        if (row.value && (row.group == Group::aggregate || row.direction == Direction::higher)) {
            CHECK(*row.value >= -1.0);
            CHECK(*row.value <= 7.0);  // the entropy of 500 batches; all others end at 1
        }
    }
}

// Each of `names` with the same words.
Reasons all_of(const std::vector<std::string>& names, const std::string& words) {
    Reasons reasons;
    for (const std::string& name : names) reasons[name] = words;
    return reasons;
}

void add(Reasons& to, const Reasons& more) { to.insert(more.begin(), more.end()); }

// The rows of every metric that declares `need`, with the same words.
Reasons of_those_that_need(bool MetricNeeds::*need, const std::string& words) {
    Reasons reasons;
    for (const MetricDefinition& metric : metric_table()) {
        if (!(metric.needs.*need)) continue;
        for (const ScoreRow& row : metric.rows) reasons[row.name] = words;
    }
    return reasons;
}

}  // namespace

TEST_CASE("edge: one batch", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 1, 1);
    const std::string words = "needs at least two batches";
    Reasons reasons = of_those_that_need(&MetricNeeds::two_batches, words);
    add(reasons, all_of({"mean_shift", "batch_variance_share", "relative_mean_shift"}, words));
    reasons["total"] = reasons["batch_correction"] = "incomplete without bras, ilisi, kbet_per_label, pcr_comparison";
    reasons["openproblems_total"] = reasons["openproblems_batch_correction"] =
        "incomplete without silhouette_batch, bras";
    const Scored scored = score_all(data);
    check_reasons(scored, reasons);
    CHECK(*scored.rows.at("sbee").value == 1.0);
}

TEST_CASE("edge: a batch without cells", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 2, 1);
    const Scored of_two = score_all(data);
    data.batch.names.insert(data.batch.names.begin(), "none");
    for (std::uint32_t& code : data.batch.code) ++code;
    const Scored scored = score_all(data);
    CHECK(scored.rows.at("batch_mean_0").not_applicable_reason == "the batch has no cells");
    CHECK(scored.rows.at("mean_shift").value == of_two.rows.at("mean_shift").value);
    for (std::uint32_t& code : data.batch.code) code = 1;
    CHECK(score_all(data).rows.at("mmd_unbiased").not_applicable_reason == needs_two_batches);
}

TEST_CASE("edge: one label", "[metrics][edge]") {
    const Scored scored = score_all(random_cells(5, 200, 1, 3, 2));
    Reasons reasons = all_of({"silhouette_label", "isolated_labels"}, "needs at least two labels");
    add(reasons, all_of({"clisi", "lisi_label_median", "lisi_label_mean"}, "needs at least two labels"));
    reasons["total"] = reasons["bio_conservation"] = "incomplete without isolated_labels, silhouette_label, clisi";
    reasons["openproblems_total"] = reasons["openproblems_bio_conservation"] =
        "incomplete without silhouette_label, isolated_labels";
    check_reasons(scored, reasons);
    CHECK(*scored.rows.at("nmi_kmeans").value == 1.0);  // by convention
    CHECK(*scored.rows.at("ari_kmeans").value == 1.0);
}

TEST_CASE("edge: a label in one batch", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 3, 3);
    for (std::size_t i = 0; i < 200; ++i) {
        if (data.label.code[i] == 2) data.batch.code[i] = 0;
    }
    const Scored scored = score_all(data);
    check_reasons(scored, {});
    for (const char* metric : {"silhouette_batch", "bras", "kbet_per_label", "kbet_pg_label", "cilisi_means"}) {
        INFO(metric);
        REQUIRE(scored.left_out.count(metric) == 1);
        CHECK(scored.left_out.at(metric) == Reasons{{"type 2", "the label occurs in one batch only"}});
    }
    CHECK(scored.left_out.at("isolated_labels").size() == 2);
    CHECK(*scored.rows.at("isolated_labels").value == scored.of_label.at("isolated_labels/type 2"));
    CHECK(scored.of_label.count("graph_connectivity/type 2") == 1);
}

TEST_CASE("edge: a label of one cell", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 3, 4);
    for (std::size_t i = 3; i < 200; ++i) data.label.code[i] = data.label.code[i] == 2 ? 1 : data.label.code[i];
    const Scored scored = score_all(data);
    check_reasons(scored, {});
    CHECK(scored.left_out.at("cilisi_means").at("type 2") == "the label occurs in one batch only");
    CHECK(scored.left_out.at("bras").at("type 2") == "the label occurs in one batch only");
    CHECK(scored.of_label.at("graph_connectivity/type 2") == 1.0);
    CHECK(scored.of_label.at("sbee/type 2") == 0.0);
    CHECK(scored.of_label.at("isolated_labels/type 2") == 0.5);  // the silhouette of a cell alone is 0
}

TEST_CASE("edge: all cells alike", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 3, 5);
    data.cells.fill(0.25);
    const Scored scored = score_all(data);
    for (const char* metric : {"ilisi", "clisi", "cilisi", "kbet", "kbet_pg_label", "ksim", "graph_connectivity",
                               "kbet_per_label", "batch_mixing_entropy", "nmi_leiden"}) {
        INFO(metric);
        REQUIRE_FALSE(scored.rows.at(metric).value);
        CHECK_THAT(scored.rows.at(metric).not_applicable_reason,
                   Catch::Contains("there are no neighbourhoods: 100.0 % of all pairs of cells tie"));
    }
    CHECK_FALSE(scored.rows.at("pcr_comparison").value);
    CHECK_FALSE(scored.rows.at("total").value);
    CHECK(*scored.rows.at("silhouette_label").value == 0.5);
    CHECK(*scored.rows.at("bras").value == 1.0);
    CHECK(*scored.rows.at("tied_share").value == 1.0);
}

TEST_CASE("edge: more duplicates than neighbours", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 300, 3, 3, 6);
    for (std::size_t i = 0; i < 300; ++i) data.cells.col(i) = data.cells.col(i % 3);  // 3 places of 100 cells
    for (std::uint32_t i = 0; i < 300; ++i) data.label.code[i] = i % 3;
    const Scored scored = score_all(data);
    check_reasons(scored, {});
    CHECK(*scored.rows.at("clisi").value == 1.0);  // copies are of the cell's own label
    CHECK(*scored.rows.at("ksim").value == 1.0);
    CHECK(*scored.rows.at("silhouette_label").value == 1.0);
    CHECK(*scored.rows.at("tied_share").value == 1.0);
    CHECK(*scored.rows.at("lisi_batch_median").value > 2.0);  // all copies weigh alike
}

TEST_CASE("edge: fewer cells than neighbours", "[metrics][edge]") {
    check_reasons(score_all(random_cells(5, 40, 2, 2, 7)), {});
    const Scored five = score_all(random_cells(5, 5, 2, 2, 8));
    for (const char* metric : {"ilisi", "clisi"}) {
        INFO(metric);
        REQUIRE_FALSE(five.rows.at(metric).value);
        CHECK_THAT(five.rows.at(metric).not_applicable_reason, Catch::Contains("6 cells"));
    }
    CHECK_THAT(five.rows.at("batch_mixing_entropy").not_applicable_reason, Catch::Contains("the dataset has 5"));
    CHECK(five.rows.at("silhouette_label").value);
    CHECK(five.rows.at("graph_connectivity").value);
}

TEST_CASE("edge: 500 batches", "[metrics][edge]") {
    const Scored scored = score_all(random_cells(5, 1000, 2, 500, 9));
    check_reasons(scored, {});
    CHECK(*scored.rows.at("ilisi").value < 0.2);  // 89 neighbours cannot be of 500 batches
}

TEST_CASE("edge: no labels", "[metrics][edge]") {
    LabelledCells data = random_cells(5, 200, 3, 3, 10);
    data.label = {};
    Reasons reasons = of_those_that_need(&MetricNeeds::types, "needs cell types, the dataset has none");
    reasons["type_variance_share"] = "needs cell types, the dataset has none";
    for (const std::string preset : {"", "openproblems_"}) {
        for (const char* row : {"total", "batch_correction", "bio_conservation"})
            reasons[preset + row] = "incomplete without ";
    }
    check_reasons(score_all(data), reasons);
}

TEST_CASE("edge: every label in every batch, none more isolated than another", "[metrics][edge]") {
    const Scored scored = score_all(random_cells(5, 300, 3, 3, 11));
    check_reasons(scored, {});
    CHECK(scored.left_out.count("isolated_labels") == 0);
    double sum = 0.0;
    for (const char* label : {"type 0", "type 1", "type 2"})
        sum += scored.of_label.at(std::string("isolated_labels/") + label);
    CHECK(*scored.rows.at("isolated_labels").value == Approx(sum / 3.0));
    CHECK(*scored.rows.at("isolated_labels").value == Approx(*scored.rows.at("silhouette_label").value).margin(0.05));
}
