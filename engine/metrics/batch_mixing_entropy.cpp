#include "engine/metrics/batch_mixing_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bcbench {

namespace {

double entropy_term(double p) {
    p = std::clamp(p, 1e-8, 1.0);
    return -p * std::log(p);
}

}  // namespace

double batch_mixing_entropy(const NeighborsView& neighbors, const Labels& batch, const Ties& ties) {
    const arma::uword k = neighbors.k();
    // the entropy term of a batch depends on its count among the k neighbours alone
    std::vector<double> term(k + 1);
    for (arma::uword count = 0; count <= k; ++count) {
        term[count] = entropy_term(static_cast<double>(count) / static_cast<double>(k));
    }
    double sum = 0.0;
    std::vector<arma::uword> counts(batch.count());
    const TiedLabels tied(ties, batch.code, batch.count());
    std::vector<double> tied_counts;
    auto tie = ties.cells.begin();
    for (arma::uword i = 0; i < neighbors.n_cells(); ++i) {
        if (tie != ties.cells.end() && tie->cell == i) {
            tied.count(neighbors, *tie++, tied_counts);
            for (const double count : tied_counts) sum += entropy_term(count / static_cast<double>(k));
            continue;
        }
        std::fill(counts.begin(), counts.end(), 0);
        for (arma::uword r = 0; r < k; ++r) ++counts[batch.code[neighbors.index(i)[r]]];
        for (const arma::uword count : counts) sum += term[count];
    }
    return sum / static_cast<double>(neighbors.n_cells());
}

double perfect_mixing(const Labels& batch) { return std::log(static_cast<double>(batch.count())); }

}  // namespace bcbench
