#include "engine/metrics/type_purity.hpp"

namespace bcbench {

double type_purity(const Neighbors& neighbors, const Labels& type) {
    arma::uword same = 0;
    for (arma::uword i = 0; i < neighbors.index.n_cols; ++i) {
        for (arma::uword r = 0; r < neighbors.index.n_rows; ++r) {
            same += type.code[neighbors.index(r, i)] == type.code[i] ? 1 : 0;
        }
    }
    return static_cast<double>(same) / static_cast<double>(neighbors.index.n_elem);
}

}  // namespace bcbench
