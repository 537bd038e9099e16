// Corrects 200 cells of two batches and prints how well they mix before and after.
#include <bcbench/core/random.hpp>
#include <bcbench/linear/products.hpp>
#include <bcbench/methods/differentiable_harmony/method.hpp>
#include <bcbench/metrics/batch_mixing_entropy.hpp>
#include <bcbench/neighbors/neighbors.hpp>
#include <cstdio>

int main() {
    bcbench::use_single_threaded_blas();
    bcbench::Dataset<double> data{
        bcbench::in_double(bcbench::normal(bcbench::make_key(1), 5, 200)), {{}, {"a", "b"}}, {}};
    for (arma::uword i = 0; i < 200; ++i) {
        data.batch.code.push_back(i % 2);
        if (i % 2 == 1) data.cells.col(i) += 1.0;
    }
    bcbench::differentiable_harmony::Options options;
    options.temperature = 30.0;
    const auto start = bcbench::differentiable_harmony::initial_parameters<double>(options, 5, bcbench::Stream(0));
    const auto result = bcbench::differentiable_harmony::forward(data, start, options);
    const auto mixing = [&](const arma::mat& cells) {
        return bcbench::batch_mixing_entropy(bcbench::nearest_neighbors(cells, 10), data.batch);
    };
    std::printf("%.6f %.6f\n", mixing(data.cells), mixing(result.corrected));
}
