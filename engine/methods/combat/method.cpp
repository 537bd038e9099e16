#include "engine/methods/combat/method.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/parallel.hpp"
#include "engine/core/unlabelled.hpp"
#include "engine/linear/label_means.hpp"
#include "engine/methods/combat/design.hpp"
#include "engine/methods/combat/shrinkage.hpp"

namespace bcbench::combat {

namespace {

// A residual deviation below this share of the values is the rounding of the fit, not a spread.
constexpr double constant_share = 1e-12;

/// The spread of every feature around the fit.
struct Spread {
    arma::mat squares;   // [F x B] sum of squared residuals over the cells of a batch; 0 if they are rounding
    arma::vec sigma;     // [F] 0: the feature has no spread
    arma::uvec varying;  // features that have
};

template <class Real>
Spread measure_spread(const Matrix<Real>& cells, const Design& design, const Fit& fit, std::size_t n_batches) {
    const arma::mat of_groups = label_squares(cells, design.group, fit.fitted);  // [F x G]
    Spread spread;
    spread.squares.zeros(cells.n_rows, n_batches);
    arma::vec sizes(n_batches, arma::fill::zeros);
    for (arma::uword g = 0; g < of_groups.n_cols; ++g) {
        spread.squares.col(design.batch[g]) += of_groups.col(g);
        sizes[design.batch[g]] += design.size[g];
    }
    const arma::vec smallest = constant_share * arma::max(arma::abs(fit.fitted), 1);  // [F] deviation
    for (std::uint32_t b = 0; b < n_batches; ++b) {
        for (arma::uword f = 0; f < cells.n_rows; ++f) {
            const double deviation = std::sqrt(spread.squares(f, b) / std::max(sizes[b], 1.0));
            if (!(deviation > smallest[f])) spread.squares(f, b) = 0.0;
        }
    }
    spread.sigma = arma::sqrt(arma::sum(spread.squares, 1) / static_cast<double>(cells.n_cols));
    spread.varying = arma::find(spread.sigma > 0.0);
    return spread;
}

/// gamma* and delta2* of the varying features of batch `b` of `n_cells` cells, from its own estimates.
LocationScale adjust_batch(const LocationScale& own, double n_cells, const std::string& name, const Options& options,
                           std::vector<std::string>& notes) {
    const arma::vec ones(own.location.n_elem, arma::fill::ones);
    if (options.mean_only) return {shrunk_location(own.location, ones, n_cells), ones};
    if (!(own.scale.max() > 0.0)) {
        notes.push_back("batch '" + name + "' has " + (n_cells > 1.0 ? "equal cells" : "one cell") +
                        " and no scale of its own: only its location is adjusted");
        return {shrunk_location(own.location, ones, n_cells), ones};
    }
    if (own.location.n_elem == 1) return own;
    try {
        return shrink(own, n_cells, options.tolerance, options.max_iterations);
    } catch (const NumericalError& error) {
        throw NumericalError("combat, batch '" + name + "': " + error.what());
    }
}

/// Locations and scales of all batches into `result`; features without spread keep 0 and 1.
template <class Real>
void adjust_batches(const Design& design, const Fit& fit, const Spread& spread, const Labels& batch,
                    const Options& options, Result<Real>& result) {
    const std::vector<std::size_t> sizes = label_sizes(batch);
    result.location.zeros(arma::size(spread.squares));
    result.scale.ones(arma::size(spread.squares));
    if (spread.varying.is_empty()) return;
    const arma::vec sigma = spread.sigma.elem(spread.varying);
    for (std::uint32_t b = 0; b < sizes.size(); ++b) {
        const auto of_batch = std::find(design.batch.begin(), design.batch.end(), b);
        if (of_batch == design.batch.end()) continue;  // no cells
        const auto n_cells = static_cast<double>(sizes[b]);
        // the residuals of a batch have mean 0, so its standardised cells differ from `expected` by its term of the fit
        const auto g = static_cast<arma::uword>(of_batch - design.batch.begin());
        const arma::vec offset = fit.fitted.col(g) - fit.expected.col(g);
        const arma::vec squares = spread.squares.col(b);
        LocationScale own;
        own.location = offset.elem(spread.varying) / sigma;
        own.scale = squares.elem(spread.varying) / arma::square(sigma) / std::max(n_cells - 1.0, 1.0);
        if (sizes[b] == 1) own.scale.zeros();
        const LocationScale adjusted = adjust_batch(own, n_cells, batch.names[b], options, result.notes);
        for (arma::uword v = 0; v < spread.varying.n_elem; ++v) {
            result.location(spread.varying[v], b) = adjusted.location[v];
            result.scale(spread.varying[v], b) = adjusted.scale[v] > 0.0 ? adjusted.scale[v] : 1.0;
        }
    }
}

/// y = (x - expected - sigma gamma*) / delta* + expected; a feature without spread is what is expected.
template <class Real>
void apply(const Matrix<Real>& cells, const Design& design, const Fit& fit, const Spread& spread,
           Result<Real>& result) {
    arma::mat origin = fit.expected;       // [F x G] what becomes `expected`
    arma::mat factor(arma::size(origin));  // [F x G]
    for (arma::uword g = 0; g < origin.n_cols; ++g) {
        origin.col(g) += spread.sigma % result.location.col(design.batch[g]);
        factor.col(g) = 1.0 / arma::sqrt(result.scale.col(design.batch[g]));
        factor.col(g) %= arma::conv_to<arma::vec>::from(spread.sigma > 0.0);
    }
    result.corrected.set_size(arma::size(cells));
    const Tiles tiles{cells.n_cols, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) {
            const std::uint32_t g = design.group.code[i];
            for (arma::uword f = 0; f < cells.n_rows; ++f) {
                const double x = static_cast<double>(cells(f, i));
                result.corrected(f, i) = static_cast<Real>((x - origin(f, g)) * factor(f, g) + fit.expected(f, g));
            }
        }
    });
}

void note_features(const Spread& spread, std::vector<std::string>& notes) {
    const arma::uword n_features = spread.sigma.n_elem;
    const arma::uword constant = n_features - spread.varying.n_elem;
    if (constant > 0) {
        notes.push_back(std::to_string(constant) + " of " + std::to_string(n_features) +
                        " features have no spread within the batches: they stay out of the priors and become their fit "
                        "without the batch");
    }
    if (spread.varying.n_elem == 1) {
        notes.push_back(
            "only one feature varies: there is nothing to shrink towards, and every batch is adjusted by "
            "its own mean and variance");
    }
}

}  // namespace

void validate(const Options& options) {
    require(options.tolerance > 0.0, "tolerance must be greater than 0");
    require(options.max_iterations >= 1, "max_iterations must be at least 1");
}

template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const std::vector<Labels>& covariates,
                     const Options& options) {
    validate(options);
    require(cells.n_elem > 0, "combat needs cells with at least one feature");
    const Design design = make_design(batch, covariates, cells.n_cols);
    require_finite(cells, "a cell given to combat");
    Result<Real> result;
    if (design.n_batches == 1) {
        result.corrected = cells;
        result.location.zeros(cells.n_rows, batch.count());
        result.scale.ones(cells.n_rows, batch.count());
        result.notes.push_back("there is one batch: nothing to correct");
        return result;
    }
    const Fit fitted = fit(design, label_means(cells, design.group));
    const Spread spread = measure_spread(cells, design, fitted, batch.count());
    note_features(spread, result.notes);
    adjust_batches(design, fitted, spread, batch, options, result);
    apply(cells, design, fitted, spread, result);
    require_finite(result.corrected, "a corrected embedding");
    return result;
}

template <class Real>
Result<Real> forward(const Dataset<Real>& data, const Options& options) {
    require_valid(data);
    if (!options.keep_types) return forward(data.cells, data.batch, {}, options);
    require(!data.type.empty(), "combat: keep_types needs type labels, and the dataset has none");
    const std::size_t n_unlabelled = count_unlabelled(data.type);
    if (n_unlabelled > 0) {
        throw std::invalid_argument("combat: keep_types needs a type of every cell, and " +
                                    std::to_string(n_unlabelled) + " of " + std::to_string(data.cells.n_cols) +
                                    " have none; leave them out (missing_types: \"drop\")");
    }
    return forward(data.cells, data.batch, {data.type}, options);
}

#define BCBENCH_INSTANTIATE(Real)                                                                                  \
    template Result<Real> forward(const Matrix<Real>&, const Labels&, const std::vector<Labels>&, const Options&); \
    template Result<Real> forward(const Dataset<Real>&, const Options&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::combat
