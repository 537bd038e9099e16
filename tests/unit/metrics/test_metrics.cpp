#include <catch2/catch.hpp>
#include <cmath>

#include "engine/core/random.hpp"
#include "engine/metrics/batch_mixing_entropy.hpp"
#include "engine/metrics/mean_shift.hpp"
#include "engine/metrics/mixing_ceiling.hpp"
#include "engine/metrics/type_purity.hpp"

using namespace bcbench;

namespace {

Labels labels(std::vector<std::uint32_t> code, std::size_t count) {
    Labels made;
    made.code = std::move(code);
    for (std::size_t i = 0; i < count; ++i) made.names.push_back(std::to_string(i));
    return made;
}

// Every cell's neighbours are `rows`, whatever the cell.
Neighbors same_neighbors(std::vector<std::uint32_t> rows, arma::uword n) {
    Neighbors neighbors;
    neighbors.index.set_size(rows.size(), n);
    for (arma::uword i = 0; i < n; ++i) neighbors.index.col(i) = arma::conv_to<arma::Col<std::uint32_t>>::from(rows);
    return neighbors;
}

}  // namespace

TEST_CASE("mixing entropy of known neighbourhoods", "[metrics]") {
    const Labels batch = labels({0, 0, 1, 1}, 2);
    // an even neighbourhood: ln 2; one batch only: the clipped share 1e-8
    REQUIRE(batch_mixing_entropy(same_neighbors({0, 2}, 4), batch) == Approx(std::log(2.0)).epsilon(1e-15));
    REQUIRE(batch_mixing_entropy(same_neighbors({0, 1}, 4), batch) == Approx(-1e-8 * std::log(1e-8)).epsilon(1e-12));
    REQUIRE(perfect_mixing(batch) == Approx(std::log(2.0)).epsilon(1e-15));
    const Labels three = labels({0, 1, 2}, 3);
    REQUIRE(batch_mixing_entropy(same_neighbors({0, 1, 2}, 3), three) == Approx(std::log(3.0)).epsilon(1e-15));
}

TEST_CASE("mixing does not depend on the names or order of batches", "[metrics][property]") {
    const arma::mat cells = arma::conv_to<arma::mat>::from(normal(make_key(1), 3, 60));
    Labels batch = labels(std::vector<std::uint32_t>(60), 3);
    for (std::uint32_t i = 0; i < 60; ++i) batch.code[i] = i % 3;
    const Neighbors neighbors = nearest_neighbors(cells, 10);
    const double entropy = batch_mixing_entropy(neighbors, batch);
    for (std::uint32_t& code : batch.code) code = (code + 1) % 3;
    REQUIRE(batch_mixing_entropy(neighbors, batch) == Approx(entropy).epsilon(1e-14));
    REQUIRE(entropy > 0.7);  // random labels mix well
}

TEST_CASE("batch means and their largest difference", "[metrics]") {
    const arma::mat cells = {{1, 3, 10}, {2, 4, 20}};
    const std::vector<double> means = batch_means(cells, labels({0, 0, 1}, 2));
    REQUIRE(means == std::vector<double>{2.5, 15.0});
    REQUIRE(mean_shift(means) == 12.5);
    REQUIRE(mean_shift({3.0, -1.0, 2.0}) == 4.0);
    REQUIRE(mean_shift({3.0}) == 0.0);
}

TEST_CASE("type purity counts neighbours of the own type", "[metrics]") {
    const Labels type = labels({0, 0, 1, 1}, 2);
    REQUIRE(type_purity(same_neighbors({0, 1}, 4), type) == 0.5);
    REQUIRE(type_purity(same_neighbors({0, 2}, 4), type) == 0.5);
    REQUIRE(type_purity(same_neighbors({0, 1}, 4), labels({0, 0, 0, 1}, 2)) == 0.75);
}

TEST_CASE("the mixing ceiling permutes batches inside types only", "[metrics]") {
    const arma::mat cells = arma::conv_to<arma::mat>::from(normal(make_key(2), 4, 200));
    const Neighbors neighbors = nearest_neighbors(cells, 10);
    Labels batch = labels(std::vector<std::uint32_t>(200), 2);
    for (std::uint32_t i = 0; i < 200; ++i) batch.code[i] = i < 100 ? 0 : 1;
    // if batch and type are the same thing, a permutation changes nothing
    REQUIRE(mixing_ceiling(neighbors, batch, batch, 3, 0) ==
            Approx(batch_mixing_entropy(neighbors, batch)).epsilon(1e-14));
    // without types, neighbourhoods are binomial(10, 1/2): mean entropy 0.6405 by direct summation, permutations vary
    // by ~0.01
    double binomial = 0.0;
    double probability = std::pow(0.5, 10);
    for (int count = 0; count <= 10; ++count) {
        const double p = count / 10.0;
        const double q = 1.0 - p;
        binomial -= probability * ((p > 0 ? p * std::log(p) : 0.0) + (q > 0 ? q * std::log(q) : 0.0));
        probability *= (10.0 - count) / (count + 1.0);
    }
    REQUIRE(std::abs(mixing_ceiling(neighbors, batch, Labels{}, 20, 0) - binomial) < 0.02);
    REQUIRE(mixing_ceiling(neighbors, batch, Labels{}, 5, 1) != mixing_ceiling(neighbors, batch, Labels{}, 5, 2));
}
