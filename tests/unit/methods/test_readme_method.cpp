// The method of the README's "Adding a method", which the build takes from there.
#include <catch2/catch.hpp>

#include "experiments/bindings/method.hpp"
#include "tests/support/baselines.hpp"
#include "tests/support/gradients.hpp"

namespace bcbench::methods {
MethodDefinition batch_medians();
}

using namespace bcbench;
using namespace bcbench::testing;

TEST_CASE("the README's method moves the medians of every batch", "[methods]") {
    const bool keep_overall = GENERATE(false, true);
    Dataset<double> data;
    data.batch = mixed(batches_of({5, 4, 8}));
    data.batch.names.push_back("a batch without cells");
    data.cells = shifted_cells(1, data.batch, 3, 2.0);
    MethodSettings settings;
    settings.params = {{"keep_overall", keep_overall}};
    // of a method in the table: fit_method("<name>", settings, data)
    const MethodDefinition method = methods::batch_medians();
    const Fit<double> fit = method.fit_double(settings, std::make_shared<const Dataset<double>>(data));
    REQUIRE(arma::size(fit.corrected) == arma::size(data.cells));
    const arma::mat target = keep_overall ? arma::mat(arma::median(data.cells, 1)) : arma::mat(3, 1);
    const auto batch_of_cell = arma::conv_to<arma::uvec>::from(data.batch.code);
    for (arma::uword batch = 0; batch < 3; ++batch) {
        const arma::mat cells = fit.corrected.cols(arma::find(batch_of_cell == batch));
        CHECK(arma::abs(arma::median(cells, 1) - target).max() < 1e-14);  // roundings of numbers below 10
        const arma::mat moved = cells - data.cells.cols(arma::find(batch_of_cell == batch));
        CHECK(arma::abs(moved.each_col() - moved.col(0)).max() < 1e-14);
    }
}
