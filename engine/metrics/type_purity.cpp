#include "engine/metrics/type_purity.hpp"

namespace bcbench {

double type_purity(const NeighborsView& neighbors, const Labels& type, const Ties& ties) {
    arma::uword same = 0;
    double same_of_tied = 0.0;
    const TiedLabels tied(ties, type.code, type.count());
    std::vector<double> counts;
    auto tie = ties.cells.begin();
    for (arma::uword i = 0; i < neighbors.n_cells(); ++i) {
        if (tie != ties.cells.end() && tie->cell == i) {
            tied.count(neighbors, *tie++, counts);
            same_of_tied += counts[type.code[i]];
            continue;
        }
        for (arma::uword r = 0; r < neighbors.k(); ++r) {
            same += type.code[neighbors.index(i)[r]] == type.code[i] ? 1 : 0;
        }
    }
    return (static_cast<double>(same) + same_of_tied) / static_cast<double>((neighbors.k() * neighbors.n_cells()));
}

}  // namespace bcbench
