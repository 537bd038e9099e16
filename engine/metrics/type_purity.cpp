#include "engine/metrics/type_purity.hpp"

namespace bcbench {

double type_purity(const NeighborsView& neighbors, const Labels& type) {
    arma::uword same = 0;
    for (arma::uword i = 0; i < neighbors.n_cells(); ++i) {
        for (arma::uword r = 0; r < neighbors.k(); ++r) {
            same += type.code[neighbors.index(i)[r]] == type.code[i] ? 1 : 0;
        }
    }
    return static_cast<double>(same) / static_cast<double>((neighbors.k() * neighbors.n_cells()));
}

}  // namespace bcbench
