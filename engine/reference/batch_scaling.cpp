#include <cmath>

#include "engine/reference/baselines.hpp"

namespace bcbench::reference {

arma::mat batch_scaling(const arma::mat& cells, const Labels& batch, bool keep_overall) {
    arma::mat corrected(arma::size(cells));
    for (arma::uword f = 0; f < cells.n_rows; ++f) {
        double all_squares = 0.0, all_freedom = 0.0;
        for (std::uint32_t b = 0; b < batch.names.size(); ++b) {
            double size = 0.0, sum = 0.0, squares = 0.0;
            for (arma::uword i = 0; i < cells.n_cols; ++i) {
                if (batch.code[i] == b) size += 1.0;
                if (batch.code[i] == b) sum += cells(f, i);
            }
            for (arma::uword i = 0; i < cells.n_cols; ++i) {
                if (batch.code[i] == b) squares += std::pow(cells(f, i) - sum / size, 2);
            }
            for (arma::uword i = 0; i < cells.n_cols; ++i) {
                if (batch.code[i] == b)
                    corrected(f, i) = (cells(f, i) - sum / size) / std::sqrt(squares / (size - 1.0));
            }
            all_squares += squares;
            all_freedom += size - 1.0;
        }
        if (!keep_overall) continue;
        double mean = 0.0;
        for (arma::uword i = 0; i < cells.n_cols; ++i) mean += cells(f, i) / static_cast<double>(cells.n_cols);
        for (arma::uword i = 0; i < cells.n_cols; ++i) {
            corrected(f, i) = corrected(f, i) * std::sqrt(all_squares / all_freedom) + mean;
        }
    }
    return corrected;
}

}  // namespace bcbench::reference
