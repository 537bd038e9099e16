#include "engine/methods/batch_scaling/method.hpp"

#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/choices.hpp"
#include "engine/core/parallel.hpp"
#include "engine/linear/label_means.hpp"

namespace bcbench::batch_scaling {

namespace {

// A deviation below this share of the mean is the rounding of the mean, not a spread.
constexpr double constant_share = 1e-12;

template <class Body>
void for_each_cell(arma::uword n_cells, const Body& body) {
    const Tiles tiles{n_cells, tile_cells};
    parallel_for(tiles.count(), [&](std::size_t tile) {
        for (std::size_t i = tiles.first(tile); i < tiles.first(tile) + tiles.size(tile); ++i) body(i);
    });
}

double degrees_of_freedom(const std::vector<std::size_t>& sizes) {
    double sum = 0.0;
    for (const std::size_t size : sizes) sum += size > 0 ? static_cast<double>(size - 1) : 0.0;
    return sum;
}

/// deviation and unscaled of the tape, from the sums of squares. means, squares: [F x B].
template <class Real>
void set_deviations(const arma::mat& means, const arma::mat& squares, const std::vector<std::size_t>& sizes,
                    Tape<Real>& tape) {
    tape.deviation.ones(arma::size(squares));
    tape.unscaled.ones(arma::size(squares));
    for (arma::uword b = 0; b < squares.n_cols; ++b) {
        if (sizes[b] < 2) continue;
        for (arma::uword f = 0; f < squares.n_rows; ++f) {
            const double deviation = std::sqrt(squares(f, b) / static_cast<double>(sizes[b] - 1));
            if (!(deviation > constant_share * std::abs(means(f, b)))) continue;
            tape.deviation(f, b) = deviation;
            tape.unscaled(f, b) = 0;
        }
    }
}

template <class Real>
std::vector<std::string> notes_of(const Tape<Real>& tape, const std::vector<std::size_t>& sizes) {
    std::vector<std::string> notes;
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        const std::string& name = tape.batch.names[b];
        if (sizes[b] == 1) notes.push_back("batch '" + name + "' has one cell and no spread: it is centred only");
        if (sizes[b] < 2) continue;
        const auto constant = arma::accu(arma::conv_to<arma::uvec>::from(tape.unscaled.col(b)));
        if (constant == 0) continue;
        notes.push_back(std::to_string(constant) + " of " + std::to_string(tape.unscaled.n_rows) +
                        " features are constant within batch '" + name + "': they are centred only");
    }
    return notes;
}

}  // namespace

void validate(const Options&) {}  // every value is allowed

template <class Real>
Result<Real> forward(const Matrix<Real>& cells, const Labels& batch, const Options& options, bool keep_tape) {
    validate(options);
    require(cells.n_elem > 0, "batch_scaling needs cells with at least one feature");
    require_labels(batch, cells.n_cols, "batch_scaling, batch");
    require_finite(cells, "a cell given to batch_scaling");
    const std::vector<std::size_t> sizes = label_sizes(batch);
    const arma::mat means = label_means(cells, batch);             // [F x B]
    const arma::mat squares = label_squares(cells, batch, means);  // [F x B]

    Result<Real> result;
    Tape<Real>& tape = result.tape;
    tape.options = options;
    tape.batch = batch;
    tape.degrees_of_freedom = degrees_of_freedom(sizes);
    set_deviations(means, squares, sizes, tape);
    result.notes = notes_of(tape, sizes);
    arma::vec overall_mean(cells.n_rows, arma::fill::zeros);  // M
    if (options.keep_overall) {
        overall_mean = mean_cell(cells);
        tape.overall_deviation.zeros(cells.n_rows);
        if (tape.degrees_of_freedom > 0.0) {
            tape.overall_deviation = arma::sqrt(arma::sum(squares, 1) / tape.degrees_of_freedom);
        }
    }

    result.corrected.set_size(arma::size(cells));
    if (keep_tape) tape.scores.set_size(arma::size(cells));
    for_each_cell(cells.n_cols, [&](std::size_t i) {
        const double* mean = means.colptr(batch.code[i]);
        const double* deviation = tape.deviation.colptr(batch.code[i]);
        for (arma::uword f = 0; f < cells.n_rows; ++f) {
            const double z = (static_cast<double>(cells(f, i)) - mean[f]) / deviation[f];
            const double y = options.keep_overall ? tape.overall_deviation[f] * z + overall_mean[f] : z;
            if (keep_tape) tape.scores(f, i) = static_cast<Real>(z);
            result.corrected(f, i) = static_cast<Real>(y);
        }
    });
    require_finite(result.corrected, "a corrected embedding");
    if (!keep_tape) result.tape = {};
    return result;
}

template <class Real>
Matrix<Real> backward(const Result<Real>& result, const Matrix<Real>& corrected_bar) {
    const Tape<Real>& tape = result.tape;
    require(arma::size(corrected_bar) == arma::size(tape.scores),
            "the adjoint has another shape than the corrected cells");
    const Labels& batch = tape.batch;
    const std::vector<std::size_t> sizes = label_sizes(batch);
    const bool keep_overall = tape.options.keep_overall;

    // y = S z + M:  z_bar = S y_bar,  S_bar = sum y_bar z,  M_bar = sum y_bar.  Per batch, so that both sums over a
    // batch that z = (x - m) / s needs come with it.
    const arma::mat bar_means = label_means(corrected_bar, batch);  // [F x B] of y_bar
    Matrix<Real> products = corrected_bar % tape.scores;            // [F x n] y_bar z
    arma::mat product_sums = label_means(products, batch);          // [F x B]
    for (arma::uword b = 0; b < product_sums.n_cols; ++b) product_sums.col(b) *= static_cast<double>(sizes[b]);
    const arma::vec overall_bar = arma::sum(product_sums, 1);  // [F] S_bar
    const arma::vec mean_bar = mean_cell(corrected_bar);       // [F] M_bar / n

    Matrix<Real>& cells_bar = products;  // same shape; each entry is read before it is written
    for_each_cell(corrected_bar.n_cols, [&](std::size_t i) {
        const std::uint32_t b = batch.code[i];
        for (arma::uword f = 0; f < corrected_bar.n_rows; ++f) {
            const double z = static_cast<double>(tape.scores(f, i));
            const double factor = keep_overall ? tape.overall_deviation[f] : 1.0;  // S
            // z = (x - m) / s:  x_bar = (z_bar - mean z_bar - z sum(z_bar z) / (n_b - 1)) / s, the last term only
            // where s is a deviation
            double bar = static_cast<double>(corrected_bar(f, i)) - bar_means(f, b);
            if (tape.unscaled(f, b) == 0) bar -= z * product_sums(f, b) / static_cast<double>(sizes[b] - 1);
            bar *= factor / tape.deviation(f, b);
            if (keep_overall) {
                // S^2 = sum_b sum (x - m_b)^2 / N:  dS/dx = (x - m_b) / (N S),  x - m_b = s z
                if (factor > 0.0) {
                    bar += overall_bar[f] * tape.deviation(f, b) * z / (tape.degrees_of_freedom * factor);
                }
                bar += mean_bar[f];
            }
            cells_bar(f, i) = static_cast<Real>(bar);
        }
    });
    return products;
}

template <class Real>
std::uint64_t choices(const Result<Real>& result) {
    std::uint64_t signature = 0;
    for (const unsigned char unscaled : result.tape.unscaled) signature = with_choice(signature, unscaled);
    return signature;
}

#define BCBENCH_INSTANTIATE(Real)                                                            \
    template Result<Real> forward(const Matrix<Real>&, const Labels&, const Options&, bool); \
    template Matrix<Real> backward(const Result<Real>&, const Matrix<Real>&);                \
    template std::uint64_t choices(const Result<Real>&)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::batch_scaling
