// The MMD loss: every latent coordinate's derivative, what groups and what lengths it counts with.
#include <catch2/catch.hpp>

#include "engine/kernels/mmd.hpp"
#include "tests/support/dual.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

const std::vector<mmd::Options> all_mmd_options = [] {
    std::vector<mmd::Options> all;
    for (const auto estimator :
         {mmd::Estimator::masked, mmd::Estimator::biased, mmd::Estimator::unbiased, mmd::Estimator::masked_unbiased}) {
        for (const auto pairs : {mmd::Pairs::first_vs_rest, mmd::Pairs::each_vs_all}) {
            all.push_back({estimator, pairs, {1.3}});
            all.push_back({estimator, pairs, {0.5, 1.0, 4.0}});
        }
    }
    return all;
}();

}  // namespace

TEST_CASE("mmd: every latent coordinate's derivative, all estimators and pairs", "[gradients][networks]") {
    for (const mmd::Options& options : all_mmd_options) {
        for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{6, 6}, {3, 9}, {2, 5, 4}}) {
            const Labels batch = batches_of(sizes);
            const arma::mat latent = 0.4 * shifted_cells(5, batch, 3, 4.0);
            const double value = mmd::loss(latent, batch, options);
            INFO("estimator " << static_cast<int>(options.estimator) << ", pairs " << static_cast<int>(options.pairs)
                              << ", " << sizes.size() << " batches, loss " << value);
            arma::mat latent_bar(arma::size(latent), arma::fill::zeros);
            REQUIRE(mmd::loss(latent, batch, options, &latent_bar, 0.7) == value);
            const auto f = [&](const arma::mat& at) { return Evaluation{arma::mat{mmd::loss(at, batch, options)}, 0}; };
            REQUIRE(value > 0.0);
            require_right(check_gradient(f, latent, arma::mat{0.7}, latent_bar));

            const arma::mat latent_dot = random_like(6, latent);
            const Dual dual = mmd_loss({latent, latent_dot}, batch, options);
            REQUIRE(dual.value == Approx(value).epsilon(1e-12));
            REQUIRE(0.7 * dual.slope == Approx(inner(latent_bar, latent_dot)).epsilon(1e-10).margin(1e-13));
        }
    }
}

TEST_CASE("mmd: float gradients are the double ones but for rounding, all estimators and pairs",
          "[gradients][networks]") {
    const Labels batch = batches_of({90, 70, 40});
    const arma::mat latent = shifted_cells(3, batch, 3, 0.5);
    for (const mmd::Estimator estimator :
         {mmd::Estimator::masked, mmd::Estimator::biased, mmd::Estimator::unbiased, mmd::Estimator::masked_unbiased}) {
        for (const mmd::Pairs pairs : {mmd::Pairs::first_vs_rest, mmd::Pairs::each_vs_all}) {
            const mmd::Options options{estimator, pairs, {0.5, 1.0, 4.0}};
            arma::mat bar(arma::size(latent), arma::fill::zeros);
            arma::fmat single_bar(arma::size(latent), arma::fill::zeros);
            mmd::loss(latent, batch, options, &bar);
            mmd::loss(arma::conv_to<arma::fmat>::from(latent), batch, options, &single_bar);
            // each entry is a difference of sums of 200 kernels, rounded at 6e-8
            REQUIRE(arma::norm(arma::conv_to<arma::mat>::from(single_bar) - bar, "fro") <
                    1e-5 * arma::norm(bar, "fro"));
        }
    }
}

TEST_CASE("mmd: groups with too few cells are left out", "[gradients][networks]") {
    const arma::mat latent = random_matrix(4, 2, 9);
    const Labels with_single = batches_of({5, 1, 3});
    Labels without = with_single;
    without.code.erase(without.code.begin() + 5);
    arma::mat others = latent;
    others.shed_col(5);
    const mmd::Options unbiased{mmd::Estimator::unbiased, mmd::Pairs::each_vs_all, {1.0}};
    arma::mat bar(arma::size(latent), arma::fill::zeros);
    REQUIRE(mmd::loss(latent, with_single, unbiased, &bar) == Approx(mmd::loss(others, without, unbiased)));
    REQUIRE(arma::abs(bar.col(5)).max() == 0.0);
    REQUIRE(arma::abs(bar).max() > 0.0);
    for (const mmd::Pairs pairs : {mmd::Pairs::first_vs_rest, mmd::Pairs::each_vs_all}) {
        REQUIRE(mmd::loss(latent, batches_of({9, 0}), {mmd::Estimator::biased, pairs, {1.0}}, &bar) == 0.0);
        REQUIRE(mmd::loss(latent, batches_of({8, 1}), {mmd::Estimator::unbiased, pairs, {1.0}}, &bar) == 0.0);
    }
}

TEST_CASE("mmd: the median distance is that of cells of every batch, in whatever order they stand", "[training]") {
    const arma::uword n = 400;
    arma::mat cells = random_matrix(5, 16, n);
    for (arma::uword i = 0; i < n; ++i) cells.col(i) += 5.0 * static_cast<double>(i % 2);  // batches that alternate
    // within a batch about sqrt(2 * 16) = 5.7; half of the pairs are between batches, about sqrt(16 * (2 + 25)) = 20.8
    REQUIRE(mmd::median_distance(cells, 100) > 10.0);
    const arma::mat few = cells.cols(0, 49);
    REQUIRE(mmd::median_distance(few, 100) == mmd::median_distance(few, 50));  // all of them, either way
}

TEST_CASE("mmd: where the groups are equal the loss and its slope are 0", "[gradients][networks]") {
    for (const mmd::Options& options : all_mmd_options) {
        // masked, a batch and all cells are scaled differently: not equal
        if (mmd::is_masked(options.estimator) && options.pairs == mmd::Pairs::each_vs_all) continue;
        const Labels batch = batches_of({4, 4});
        arma::mat latent(3, 8);
        latent.head_cols(4) = random_matrix(5, 3, 4);
        latent.tail_cols(4) = latent.head_cols(4);
        arma::mat latent_bar(3, 8, arma::fill::zeros);
        const double value = mmd::loss(latent, batch, options, &latent_bar);
        REQUIRE(latent_bar.is_finite());
        if (options.estimator == mmd::Estimator::unbiased ||
            options.estimator ==
                mmd::Estimator::masked_unbiased) {  // below 0 before the root: equal pairs count between groups only
            REQUIRE(value == 0.0);
            REQUIRE(arma::all(arma::vectorise(latent_bar == 0.0)));
        } else {
            REQUIRE(value < 1e-7);  // rounding may leave v at 1e-16; the bounded root keeps the slope small
            REQUIRE(arma::abs(latent_bar).max() < 1e-7);
        }
    }
}
