// The count of operations behind a profile, against what the definitions say.
#include <catch2/catch.hpp>

#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/methods/differentiable_harmony/method.hpp"
#include "engine/neighbors/neighbors.hpp"
#include "engine/networks/mlp.hpp"
#include "tests/support/gradients.hpp"

using namespace bcbench;
using namespace bcbench::testing;

namespace {

template <class Work>
double operations_of(const Work& work) {
    const double before = operations_so_far();
    work();
    return operations_so_far() - before;
}

}  // namespace

TEST_CASE("operations are those of the products, whatever the threads", "[operations]") {
    for (const unsigned threads : {1U, 3U}) {
        set_thread_count(threads);
        const arma::mat cells = random_matrix(1, 7, 1000);

        Stream stream(1);
        const Mlp<double> mlp = initial_mlp<double>(7, 5, 2, stream);
        MlpTape<double> tape;
        CHECK(operations_of([&] { mlp_forward<double>(mlp, cells, Precision::float64, &tape); }) ==
              2.0 * 1000 * (7 * 5 + 5 * 5 + 5 * 2));
        Mlp<double> bar = zeros_like(mlp);
        const arma::mat y_bar = random_matrix(2, 2, 1000);
        CHECK(operations_of([&] { mlp_backward<double>(mlp, cells, tape, y_bar, Precision::float64, &bar); }) ==
              4.0 * 1000 * (7 * 5 + 5 * 5 + 5 * 2));

        differentiable_harmony::Options options;
        options.n_clusters = 11;
        options.n_iterations = 3;
        const Dataset<double> data{cells, batches_of({600, 400}), {}};
        const auto parameters = differentiable_harmony::initial_parameters<double>(options, 7, Stream(1));
        CHECK(operations_of([&] { differentiable_harmony::forward(data, parameters, options); }) ==
              4.0 * 1000 * 7 * 11 * 3);

        CHECK(operations_of([&] { nearest_neighbors<double>(cells, 10); }) == 3.0 * 7 * 1000 * 1000);
    }
    set_thread_count(1);
}
