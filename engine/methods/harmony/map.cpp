// Mapping of new cells onto a corrected reference.
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/methods/harmony/correction.hpp"

namespace bcbench::harmony {

template <class Real>
Mapped<Real> map_new_cells(const Matrix<Real>& cells, std::span<const Labels> covariates, const Model& model,
                           double lambda, bool keep_assignments) {
    require(cells.n_rows == model.centroids.n_rows,
            ("the new cells have " + std::to_string(cells.n_rows) + " features, the reference " +
             std::to_string(model.centroids.n_rows))
                .c_str());
    require(std::isfinite(lambda) && lambda > 0.0,
            ("lambda is " + std::to_string(lambda) + "; it must be greater than 0").c_str());
    require(cells.is_finite(), "the new cells are not all finite");
    Options options;
    options.sigma = model.sigma;
    Problem problem;
    problem.levels = make_levels(cells.n_cols, covariates);
    problem.n_features = cells.n_rows;
    problem.n_clusters = model.centroids.n_cols;
    problem.sigma = model.sigma;
    const Levels& levels = problem.levels;
    const std::size_t n_levels = levels.levels.size();

    State<Real> state = make_state<Real>(problem, options, model.centroids);
    compute_logits(state, cells);
    without_penalty(state);  // the reference does not move
    const Sums sums = sum_products(state, cells, false);
    arma::cube coefficients(problem.n_features, n_levels, problem.n_clusters);
    for (std::size_t k = 0; k < problem.n_clusters; ++k) {
        Ridge ridge{levels,
                    std::vector<char>(n_levels, 1),
                    std::vector<char>(n_levels, 1),
                    std::vector<double>(n_levels, lambda),
                    arma::vec(levels.n_combinations()),
                    arma::mat(problem.n_features, levels.n_combinations()),
                    model.cluster_weight[k],
                    model.cluster_sum.col(k)};
        double weight = model.cluster_weight[k];
        for (std::size_t g = 0; g < levels.n_combinations(); ++g) {
            ridge.weights[g] = sums.weights[g][k];
            weight += sums.weights[g][k];
            for (std::size_t f = 0; f < problem.n_features; ++f) {
                ridge.sums(f, g) = sums.products[g][f * state.width + k];
            }
        }
        coefficients.slice(k).zeros();
        if (weight > 0.0) coefficients.slice(k) = solve(ridge).tail_cols(n_levels);
    }
    Mapped<Real> mapped;
    mapped.corrected.set_size(cells.n_rows, cells.n_cols);
    Outputs<Real> outputs;
    outputs.corrected = &mapped.corrected;
    if (keep_assignments) {
        mapped.assignments.set_size(problem.n_clusters, cells.n_cols);
        outputs.assignments = &mapped.assignments;
    }
    apply_effects(state, cells, coefficients, outputs);
    require_finite(mapped.corrected, "a mapped embedding");
    return mapped;
}

template Mapped<float> map_new_cells(const Matrix<float>&, std::span<const Labels>, const Model&, double, bool);
template Mapped<double> map_new_cells(const Matrix<double>&, std::span<const Labels>, const Model&, double, bool);

}  // namespace bcbench::harmony
