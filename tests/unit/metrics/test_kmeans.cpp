#include "engine/metrics/partitions/kmeans.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/partitions/agreement.hpp"
#include "engine/reference/metrics/partitions.hpp"
#include "tests/support/golden_check.hpp"
#include "tests/support/graph_metric_cases.hpp"
#include "tests/support/random_cells.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

void check_case(const MetricCase& data) {
    const kmeans::Clustering clustering = kmeans::cluster_as_labels(data.cells, data.label);
    CHECK(clustering.first_cells == data.values["kmeans_first_centres"].get<std::vector<std::uint32_t>>());
    CHECK(clustering.n_rounds == data.values["kmeans_rounds"].get<std::int64_t>());
    CHECK(clustering.inertia == Approx(data.values["kmeans_inertia"].get<double>()).epsilon(1e-9));
    std::vector<std::size_t> sizes(clustering.centres.n_cols, 0);
    for (const std::uint32_t c : clustering.cluster) ++sizes[c];
    CHECK(sizes == data.values["kmeans_sizes"].get<std::vector<std::size_t>>());
    check_golden(nmi_of(clustering.cluster, data.label), data.values, "kmeans_nmi", 1e-12);
    check_golden(ari_of(clustering.cluster, data.label), data.values, "kmeans_ari", 1e-12);
}

kmeans::Options options_for(std::int64_t n_clusters, std::uint64_t seed = 0) {
    kmeans::Options options;
    options.n_clusters = n_clusters;
    options.seed = seed;
    return options;
}

}  // namespace

TEST_CASE("k-means has the golden clusters", "[metrics][kmeans][golden]") {
    for (const std::string& name : generated_case_names()) {
        INFO(name);
        check_case(generated_case(name));
    }
}

TEST_CASE("k-means has the golden clusters on real data", "[metrics][kmeans][golden][data]") {
    for (const std::string& name : real_case_names()) {
        INFO(name);
        const std::optional<MetricCase> data = real_case(name);
        if (!data) return;
        check_case(*data);
    }
}

TEST_CASE("k-means agrees with the definition", "[metrics][kmeans][reference]") {
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
        for (const std::uint32_t k : {1U, 2U, 5U, 23U}) {
            const LabelledCells data = random_cells(4, 700, std::max(2U, k), 2, 17);
            const reference::KmeansResult wanted = reference::kmeans(data.cells, k, seed);
            const kmeans::Clustering clustering = kmeans::cluster(data.cells, options_for(k, seed));
            CHECK(clustering.first_cells == wanted.first_cells);
            CHECK(clustering.cluster == wanted.cluster);
            CHECK(clustering.inertia == Approx(wanted.inertia).epsilon(1e-11));
            CHECK(clustering.converged);
        }
    }
}

TEST_CASE("k-means with ties, duplicates and fewer distinct cells than clusters", "[metrics][kmeans][reference]") {
    const arma::mat alike(3, 50, arma::fill::value(1.25));
    const kmeans::Clustering one = kmeans::cluster(alike, options_for(4));
    CHECK(one.inertia == 0.0);
    CHECK(one.cluster == std::vector<std::uint32_t>(50, 0));  // equal centres: the lower one
    arma::mat three(2, 90);
    for (arma::uword i = 0; i < 90; ++i) three.col(i).fill(static_cast<double>(i % 3) * 4.0);
    const kmeans::Clustering found = kmeans::cluster(three, options_for(7));
    CHECK(found.inertia == 0.0);
    CHECK(std::set<std::uint32_t>(found.cluster.begin(), found.cluster.end()).size() == 3);
    CHECK(found.cluster == reference::kmeans(three, 7, 0).cluster);
    // a square lattice about its own centre: half way between centres there are ties
    arma::mat lattice(2, 81);
    for (arma::uword i = 0; i < 81; ++i) {
        lattice(0, i) = static_cast<double>(i % 9) - 4.0;
        lattice(1, i) = static_cast<double>(i / 9) - 4.0;
    }
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        const kmeans::Clustering clustering = kmeans::cluster(lattice, options_for(4, seed));
        CHECK(clustering.cluster == reference::kmeans(lattice, 4, seed).cluster);
    }
    CHECK(kmeans::cluster(arma::mat(arma::randu<arma::mat>(2, 1)), options_for(1)).cluster ==
          std::vector<std::uint32_t>{0});
}

TEST_CASE("k-means does not depend on threads, and more initialisations are no worse",
          "[metrics][kmeans][property][threads]") {
    const LabelledCells data = random_cells(6, 3000, 12, 3, 18);
    const kmeans::Clustering one = kmeans::cluster(data.cells, options_for(12));
    set_thread_count(3);
    const kmeans::Clustering several = kmeans::cluster(data.cells, options_for(12));
    set_thread_count(1);
    CHECK(several.cluster == one.cluster);
    CHECK(several.inertia == one.inertia);
    CHECK(arma::approx_equal(several.centres, one.centres, "absdiff", 0.0));
    // centres are the means of their cells, each cell with its nearest
    for (std::uint32_t c = 0; c < 12; ++c) {
        std::vector<arma::uword> own;
        for (arma::uword i = 0; i < 3000; ++i) {
            if (one.cluster[i] == c) own.push_back(i);
        }
        const arma::vec mean = arma::mean(data.cells.cols(arma::uvec(own)), 1);
        CHECK(arma::abs(one.centres.col(c) - mean).max() < 1e-12);
    }
    kmeans::Options options = options_for(12);
    options.n_init = 5;
    const kmeans::Clustering best = kmeans::cluster(data.cells, options);
    const auto floats = arma::conv_to<Matrix<float>>::from(data.cells);  // the cells are float32 numbers
    CHECK(kmeans::cluster(floats, options_for(12)).cluster == one.cluster);
    CHECK(best.inertia <= one.inertia * 1.2);
    options.n_init = 20;
    CHECK(kmeans::cluster(data.cells, options).inertia <= one.inertia);
    options.n_max_rounds = 1;
    CHECK_FALSE(kmeans::cluster(data.cells, options).converged);
}

TEST_CASE("k-means refuses what makes no sense", "[metrics][kmeans]") {
    arma::mat cells = random_cells(3, 10, 2, 2, 19).cells;
    CHECK_THROWS_AS(kmeans::cluster(cells, options_for(0)), std::invalid_argument);
    CHECK_THROWS_AS(kmeans::cluster(cells, options_for(11)), std::invalid_argument);
    kmeans::Options options = options_for(2);
    options.n_init = 0;
    CHECK_THROWS_AS(kmeans::cluster(cells, options), std::invalid_argument);
    options = options_for(2);
    options.n_max_rounds = 0;
    CHECK_THROWS_AS(kmeans::cluster(cells, options), std::invalid_argument);
    cells(0, 3) = arma::datum::inf;
    CHECK_THROWS_AS(kmeans::cluster(cells, options_for(2)), NumericalError);
    cells(0, 3) = 1e200;
    CHECK_THROWS_AS(kmeans::cluster(cells, options_for(2)), NumericalError);
}

TEST_CASE("the agreement of partitions has the golden values", "[metrics][partitions][golden]") {
    for (const nlohmann::json& known : golden_metrics()["small"]["nmi_ari"]) {
        const auto labels = known["labels"].get<std::vector<std::uint32_t>>();
        const auto clusters = known["clusters"].get<std::vector<std::uint32_t>>();
        const PartitionAgreement agreement = partition_agreement(labels, clusters);
        CHECK(std::abs(agreement.nmi - known["nmi"].get<double>()) <= 1e-12);
        CHECK(std::abs(agreement.ari - known["ari"].get<double>()) <= 1e-12);
        const PartitionAgreement swapped = partition_agreement(clusters, labels);
        CHECK(std::abs(agreement.nmi - swapped.nmi) <= 1e-12);
        CHECK(std::abs(agreement.ari - swapped.ari) <= 1e-12);
    }
}

TEST_CASE("the agreement of partitions follows its definition", "[metrics][partitions][reference]") {
    for (const std::uint32_t groups : {2U, 7U, 60U}) {
        const LabelledCells data = random_cells(1, 300, groups, 5, groups);
        const PartitionAgreement agreement = partition_agreement(data.label.code, data.batch.code);
        CHECK(std::abs(agreement.nmi - reference::nmi(data.label.code, data.batch.code)) <= 1e-12);
        CHECK(std::abs(agreement.ari - reference::ari(data.label.code, data.batch.code)) <= 1e-12);
        // names of groups do not matter, gaps in their numbers neither
        std::vector<std::uint32_t> renumbered = data.label.code;
        for (std::uint32_t& code : renumbered) code = 1000 - 3 * code;
        CHECK(partition_agreement(renumbered, data.batch.code).nmi == Approx(agreement.nmi).epsilon(1e-12));
        CHECK(partition_agreement(renumbered, data.label.code).ari == 1.0);
    }
    CHECK_THROWS_AS(partition_agreement({}, {}), std::invalid_argument);
    CHECK_THROWS_AS(partition_agreement({0, 1}, {0}), std::invalid_argument);
    const MetricResult one = nmi_of({0, 0, 0}, numbered({0, 0, 0}, 1));
    CHECK(*one.value == 1.0);
    CHECK(one.warnings.size() == 1);
    CHECK(*ari_of({0, 0, 0}, numbered({0, 0, 0}, 1)).value == 1.0);
}
