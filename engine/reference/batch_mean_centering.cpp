#include "engine/reference/baselines.hpp"

namespace bcbench::reference {

arma::mat batch_mean_centering(const arma::mat& cells, const Labels& batch, bool keep_overall_mean) {
    arma::mat corrected(arma::size(cells));
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        for (arma::uword f = 0; f < cells.n_rows; ++f) {
            double sum = 0.0, size = 0.0, overall = 0.0;
            for (arma::uword j = 0; j < cells.n_cols; ++j) {
                overall += cells(f, j) / static_cast<double>(cells.n_cols);
                if (batch.code[j] != batch.code[i]) continue;
                sum += cells(f, j);
                size += 1.0;
            }
            corrected(f, i) = cells(f, i) - sum / size + (keep_overall_mean ? overall : 0.0);
        }
    }
    return corrected;
}

}  // namespace bcbench::reference
