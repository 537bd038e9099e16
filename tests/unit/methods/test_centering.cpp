// Batch mean centring and batch scaling: references, known answers, gradients.
#include <catch2/catch.hpp>

#include "engine/core/check.hpp"
#include "engine/methods/batch_mean_centering/method.hpp"
#include "engine/methods/batch_scaling/method.hpp"
#include "engine/reference/baselines.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

arma::mat centred(const arma::mat& cells, const Labels& batch, bool keep) {
    return batch_mean_centering::forward(cells, batch, {keep}).corrected;
}

arma::mat scaled(const arma::mat& cells, const Labels& batch, bool keep) {
    return batch_scaling::forward(cells, batch, {keep}).corrected;
}

// Both methods, with both values of their only option.
struct Method {
    const char* name;
    arma::mat (*forward)(const arma::mat&, const Labels&, bool);
    bool keep;
};

const std::vector<Method> methods = {{"batch_mean_centering", centred, true},
                                     {"batch_mean_centering", centred, false},
                                     {"batch_scaling", scaled, false},
                                     {"batch_scaling", scaled, true}};

const std::vector<std::vector<std::size_t>> shapes = {{4, 4}, {2, 5, 3}, {6}, {300, 2, 280}};

template <class Real>
Matrix<Real> backward_of(const Method& method, const Matrix<Real>& cells, const Labels& batch,
                         const Matrix<Real>& value_bar) {
    if (method.forward == centred) {
        return batch_mean_centering::backward(batch_mean_centering::forward(cells, batch, {method.keep}, true),
                                              value_bar);
    }
    return batch_scaling::backward(batch_scaling::forward(cells, batch, {method.keep}, true), value_bar);
}

}  // namespace

TEST_CASE("centring and scaling are their slow references", "[centering][reference]") {
    for (const std::vector<std::size_t>& sizes : shapes) {
        const Labels batch = mixed(batches_of(sizes));
        const arma::mat cells = shifted_cells(1, batch, 5, 2.0);
        for (const bool keep : {false, true}) {
            INFO(cells.n_cols << " cells, keep " << keep);
            // rounding of sums of at most 582 values below 10; scores of 2 cells are +-0.7 exactly
            const arma::mat slow_centred = reference::batch_mean_centering(cells, batch, keep);
            const arma::mat slow_scaled = reference::batch_scaling(cells, batch, keep);
            CHECK(max_difference(centred(cells, batch, keep), slow_centred) < 1e-12);
            CHECK(max_difference(scaled(cells, batch, keep), slow_scaled) < 1e-12);
            const auto rounded = arma::conv_to<arma::fmat>::from(cells);
            CHECK(max_difference(batch_mean_centering::forward(rounded, batch, {keep}).corrected, slow_centred) < 1e-5);
            CHECK(max_difference(batch_scaling::forward(rounded, batch, {keep}).corrected, slow_scaled) < 1e-4);
        }
    }
}

TEST_CASE("centring and scaling twice is once", "[centering]") {
    const Labels batch = mixed(batches_of({40, 7, 23}));
    const arma::mat cells = shifted_cells(2, batch, 6, 3.0);
    for (const Method& method : methods) {
        const arma::mat once = method.forward(cells, batch, method.keep);
        const arma::mat twice = method.forward(once, batch, method.keep);
        INFO(method.name << ", keep " << method.keep);
        CHECK(max_difference(twice, once) < 1e-13);
    }
}

TEST_CASE("centring and scaling: means, deviations and identical batches", "[centering]") {
    const Labels batch = batches_of({40, 30});
    arma::mat cells = shifted_cells(3, batch, 4, 3.0);
    const arma::vec mean = arma::mean(cells, 1);
    const auto check_means = [&](const arma::mat& corrected, const arma::vec& expected) {
        CHECK(max_difference(arma::mat(arma::mean(corrected.head_cols(40), 1)), expected) < 1e-13);
        CHECK(max_difference(arma::mat(arma::mean(corrected.tail_cols(30), 1)), expected) < 1e-13);
    };
    check_means(centred(cells, batch, true), mean);
    check_means(centred(cells, batch, false), arma::zeros(4));
    check_means(scaled(cells, batch, true), mean);
    check_means(scaled(cells, batch, false), arma::zeros(4));
    const arma::mat scores = scaled(cells, batch, false);
    CHECK(max_difference(arma::mat(arma::var(scores.head_cols(40), 0, 1)), arma::ones(4)) < 1e-13);
    CHECK(max_difference(arma::mat(arma::var(scores.tail_cols(30), 0, 1)), arma::ones(4)) < 1e-13);

    const arma::mat part = random_matrix(4, 4, 35);
    const arma::mat copies = arma::join_rows(part, part);
    CHECK(max_difference(centred(copies, batches_of({35, 35}), true), copies) < 1e-14);
    CHECK(max_difference(scaled(copies, batches_of({35, 35}), true), copies) < 1e-14);
}

TEST_CASE("centring and scaling follow the order of cells", "[centering]") {
    const Labels batch = mixed(batches_of({40, 7, 23}));
    const arma::mat cells = shifted_cells(5, batch, 6, 3.0);
    const std::vector<std::uint32_t> order = permutation(make_key(8), 70);
    for (const Method& method : methods) {
        const arma::mat corrected = method.forward(cells, batch, method.keep);
        const arma::mat moved = method.forward(reordered(cells, order), reordered(batch, order), method.keep);
        CHECK(max_difference(moved, reordered(corrected, order)) < 1e-13);
    }
}

TEST_CASE("scaling: what has no spread is centred only", "[centering]") {
    const Labels batch = batches_of({20, 1, 30});
    arma::mat cells = shifted_cells(6, batch, 4, 3.0);
    cells.row(2).fill(0.1);                 // constant, and no exact mean in binary
    cells.row(3).head(20).fill(1.0 / 3.0);  // constant within batch 0
    const batch_scaling::Result<double> result = batch_scaling::forward(cells, batch, {});
    CHECK(result.corrected.is_finite());
    CHECK(arma::abs(result.corrected.row(2)).max() < 1e-15);
    CHECK(arma::abs(result.corrected.row(3).head(20)).max() < 1e-15);
    CHECK(arma::all(result.corrected.col(20) == 0.0));
    CHECK(result.notes ==
          std::vector<std::string>{"2 of 4 features are constant within batch '0': they are centred only",
                                   "batch '1' has one cell and no spread: it is centred only",
                                   "1 of 4 features are constant within batch '2': they are centred only"});
    const arma::mat kept = scaled(cells, batch, true);
    CHECK(arma::abs(kept.row(2) - 0.1).max() < 1e-15);
    CHECK(max_difference(scaled(cells.head_cols(1), batches_of({1}), true), cells.head_cols(1)) == 0.0);
    // a batch without cells is no batch
    Labels more = batch;
    more.names.push_back("nobody");
    CHECK(same_bytes(batch_scaling::forward(cells, more, {}).corrected, result.corrected));
    CHECK(arma::all(batch_mean_centering::forward(cells, more, {}).shift.col(3) == 0.0));
}

TEST_CASE("centring and scaling: every coordinate against central differences", "[centering][gradients]") {
    for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{4, 4}, {3, 5, 3}, {6}, {1, 5, 4}}) {
        const Labels batch = mixed(batches_of(sizes));
        const arma::mat cells = shifted_cells(7, batch, 4, 2.0);
        const arma::mat value_bar = random_like(8, cells);
        for (const Method& method : methods) {
            INFO(method.name << ", keep " << method.keep << ", " << cells.n_cols << " cells");
            const auto f = [&](const arma::mat& x) { return Evaluation{method.forward(x, batch, method.keep), 0}; };
            require_right(check_gradient(f, cells, value_bar, backward_of(method, cells, batch, value_bar)));
        }
    }
}

TEST_CASE("centring and scaling: gradients at realistic size, linear, and in float32", "[centering][gradients]") {
    const Labels batch = mixed(batches_of({900, 400, 2}));
    const arma::mat cells = shifted_cells(9, batch, 12, 2.0);
    const arma::mat value_bar = random_like(10, cells);
    const arma::mat direction = random_like(11, cells);
    for (const Method& method : methods) {
        INFO(method.name << ", keep " << method.keep);
        const arma::mat bar = backward_of(method, cells, batch, value_bar);
        const auto along = [&](double step) {
            return Evaluation{method.forward(cells + step * direction, batch, method.keep), 0};
        };
        const arma::mat slope = (along(1e-5).value - along(-1e-5).value) / 2e-5;
        // differences of some 15,000 entries: their rounding, 1e-11 each over the step, adds up to 1e-9 of norms of 125
        CHECK(inner(value_bar, slope) == Approx(inner(bar, direction)).epsilon(1e-6).margin(1e-6));
        if (method.forward == scaled) {  // the centring is affine and has no error that could fall
            require_square_fall(step_sweep(along, value_bar, inner(bar, direction), sweep_steps()));
        }
        const arma::mat other = backward_of(method, cells, batch, direction);
        const arma::mat sum = backward_of(method, cells, batch, arma::mat(2.0 * value_bar - direction));
        CHECK(max_difference(sum, 2.0 * bar - other) < 1e-11);
        CHECK(arma::abs(backward_of(method, cells, batch, arma::mat(arma::size(cells), arma::fill::zeros))).max() ==
              0.0);
        const auto in_float = backward_of(method, arma::conv_to<arma::fmat>::from(cells), batch,
                                          arma::conv_to<arma::fmat>::from(value_bar));
        CHECK(max_difference(in_float, bar) < 1e-4);  // the batch of two cells divides by differences of some 0.1
    }
}

TEST_CASE("scaling: choices tell which features are centred only", "[centering][gradients]") {
    const Labels batch = batches_of({5, 5});
    arma::mat cells = shifted_cells(12, batch, 3, 2.0);
    const auto choices_of = [&] { return choices(batch_scaling::forward(cells, batch, {}, true)); };
    const std::uint64_t before = choices_of();
    cells *= 1.5;
    CHECK(choices_of() == before);
    cells.row(1).tail(5).fill(2.0);
    CHECK(choices_of() != before);
    // the gradient of what is centred only is that of centring
    const arma::mat value_bar = random_like(13, cells);
    const arma::mat bar = batch_scaling::backward(batch_scaling::forward(cells, batch, {}, true), value_bar);
    const arma::mat centring_bar =
        batch_mean_centering::backward(batch_mean_centering::forward(cells, batch, {false}, true), value_bar);
    CHECK(arma::abs(bar.row(1).tail(5) - centring_bar.row(1).tail(5)).max() < 1e-14);
}

TEST_CASE("centring and scaling refuse what they cannot do", "[centering]") {
    arma::mat cells = random_matrix(14, 3, 10);
    for (const Method& method : methods) {
        CHECK_THROWS_AS(method.forward(cells, batches_of({9}), method.keep), std::invalid_argument);
        CHECK_THROWS_AS(method.forward(arma::mat(), Labels(), method.keep), std::invalid_argument);
        Labels wrong = batches_of({5, 5});
        wrong.code[3] = 2;
        CHECK_THROWS_WITH(method.forward(cells, wrong, method.keep),
                          std::string(method.name) + ", batch: the code 2 is not below 2, the number of names");
        CHECK_THROWS_AS(backward_of(method, cells, batches_of({5, 5}), arma::mat(3, 9)), std::invalid_argument);
    }
    cells(1, 1) = arma::datum::nan;
    for (const Method& method : methods) {
        CHECK_THROWS_AS(method.forward(cells, batches_of({5, 5}), method.keep), NumericalError);
    }
}

TEST_CASE("centring and scaling are the same for any number of threads", "[centering][threads]") {
    const Labels batch = mixed(batches_of({3000, 2000, 1500}));
    const arma::mat cells = shifted_cells(15, batch, 9, 2.0);
    const arma::mat value_bar = random_like(16, cells);
    for (const Method& method : methods) {
        CHECK(same_for_any_threads([&] { return method.forward(cells, batch, method.keep); }));
        CHECK(same_for_any_threads([&] { return backward_of(method, cells, batch, value_bar); }));
    }
}
