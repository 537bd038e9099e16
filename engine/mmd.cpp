#include "engine/mmd.hpp"

#include <algorithm>
#include <cmath>

#include "engine/check.hpp"
#include "engine/kernel_sum.hpp"

namespace bcbench::mmd {

namespace {

using arma::uword;

// One side of a comparison: its points, scaled copies of latent columns, and how many zero rows it has besides.
template <class Real>
struct Group {
    std::vector<uword> members;   // columns of the latent matrix
    Matrix<Real> points;          // [L x members] scale * latent
    double scale = 1.0;
    double n_zero_rows = 0.0;
    Matrix<Real> points_bar;      // [L x members], if a gradient is wanted

    double n_members() const { return static_cast<double>(members.size()); }
    double n_rows() const { return n_members() + n_zero_rows; }
};

template <class Real>
Group<Real> make_group(const Matrix<Real>& latent, std::vector<uword> members, Estimator estimator) {
    Group<Real> group;
    const auto n = static_cast<double>(latent.n_cols);
    const auto n_members = static_cast<double>(members.size());
    if (estimator == Estimator::masked) {
        group.scale = n / std::max(n_members, 1.0);
        group.n_zero_rows = n - n_members;
    } else {
        require(n_members >= (estimator == Estimator::unbiased ? 2.0 : 1.0),
                "the MMD estimator needs at least one cell (unbiased: two) on each side");
    }
    group.points = static_cast<Real>(group.scale) * latent.cols(arma::uvec(members));
    group.members = std::move(members);
    return group;
}

// E k(a, a) or E k(a, b) with its gradient: kernel sums among members, members against zero rows, zero against zero.
template <class Real>
double expectation(Group<Real>& a, Group<Real>& b, const Options& options, double coefficient, bool want_gradient) {
    const bool same = &a == &b;
    double pairs = a.n_rows() * b.n_rows();
    double diagonal = 0.0;
    if (same && options.estimator == Estimator::unbiased) {
        diagonal = a.n_rows();
        pairs -= diagonal;
    }
    const double slope = coefficient / pairs;
    Matrix<Real>* a_bar = want_gradient ? &a.points_bar : nullptr;
    Matrix<Real>* b_bar = want_gradient ? &b.points_bar : nullptr;
    const Matrix<Real> zero(a.points.n_rows, 1, arma::fill::zeros);
    // by symmetry d/da of the sum over (a, a) is twice the derivative with respect to its first argument
    double sum = kernel_sum(a.points, b.points, options.bandwidths, a_bar, same ? 2.0 * slope : slope);
    if (!same && want_gradient) kernel_sum(b.points, a.points, options.bandwidths, b_bar, slope);
    if (b.n_zero_rows > 0.0) {
        sum += b.n_zero_rows * kernel_sum(a.points, zero, options.bandwidths, a_bar, slope * b.n_zero_rows);
    }
    if (a.n_zero_rows > 0.0) {
        sum += a.n_zero_rows * kernel_sum(b.points, zero, options.bandwidths, b_bar, slope * a.n_zero_rows);
    }
    return (sum + a.n_zero_rows * b.n_zero_rows - diagonal) / pairs;
}

// sqrt(max(v, 0)) of one comparison; adds loss_bar times its gradient to latent_bar.
template <class Real>
double compare(const Matrix<Real>& latent, std::vector<uword> first, std::vector<uword> second,
               const Options& options, Matrix<Real>* latent_bar, double loss_bar) {
    Group<Real> a = make_group(latent, std::move(first), options.estimator);
    Group<Real> b = make_group(latent, std::move(second), options.estimator);
    const bool want_gradient = latent_bar != nullptr;
    if (want_gradient) {
        a.points_bar.zeros(arma::size(a.points));
        b.points_bar.zeros(arma::size(b.points));
    }
    const double v = expectation(a, a, options, 1.0, want_gradient) + expectation(b, b, options, 1.0, want_gradient) -
                     2.0 * expectation(a, b, options, -2.0, want_gradient);
    if (!std::isfinite(v)) throw NumericalError("the MMD loss is not finite");
    if (want_gradient && v > 0.0) {
        const double v_bar = loss_bar * 0.5 / std::sqrt(std::max(v, 1e-12));
        for (const Group<Real>* group : {&a, &b}) {
            const auto factor = static_cast<Real>(v_bar * group->scale);
            for (uword i = 0; i < group->members.size(); ++i) {
                latent_bar->col(group->members[i]) += factor * group->points_bar.col(i);
            }
        }
    }
    return std::sqrt(std::max(v, 0.0));
}

std::vector<uword> cells_where(const Labels& batch, std::uint32_t code, bool equal) {
    std::vector<uword> cells;
    for (uword i = 0; i < batch.code.size(); ++i) {
        if ((batch.code[i] == code) == equal) cells.push_back(i);
    }
    return cells;
}

}  // namespace

template <class Real>
double loss(const Matrix<Real>& latent, const Labels& batch, const Options& options, Matrix<Real>* latent_bar,
            double loss_bar) {
    require(!options.bandwidths.empty(), "the MMD needs at least one bandwidth");
    for (const double w : options.bandwidths) require(w > 0.0, "an MMD bandwidth must be greater than 0");
    require(batch.code.size() == latent.n_cols, "the MMD needs one batch label per cell");
    if (options.pairs == Pairs::first_vs_rest) {
        return compare(latent, cells_where(batch, 0, true), cells_where(batch, 0, false), options, latent_bar, loss_bar);
    }
    std::vector<uword> all(latent.n_cols);
    for (uword i = 0; i < all.size(); ++i) all[i] = i;
    const std::vector<std::size_t> sizes = label_sizes(batch);
    const auto n_present = static_cast<double>(std::count_if(sizes.begin(), sizes.end(), [](auto size) { return size > 0; }));
    double sum = 0.0;
    for (std::uint32_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0) continue;
        sum += compare(latent, cells_where(batch, b, true), all, options, latent_bar, loss_bar / n_present);
    }
    return sum / n_present;
}

template <class Real>
double median_distance(const Matrix<Real>& cells, uword max_cells) {
    const uword stride = (cells.n_cols + max_cells - 1) / max_cells;
    std::vector<double> distances;
    for (uword i = 0; i < cells.n_cols; i += stride) {
        for (uword j = 0; j < i; j += stride) {
            distances.push_back(static_cast<double>(arma::norm(cells.col(i) - cells.col(j))));
        }
    }
    require(!distances.empty(), "a median distance needs at least two cells");
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    return *middle;
}

#define BCBENCH_INSTANTIATE(Real)                                                                        \
    template double loss(const Matrix<Real>&, const Labels&, const Options&, Matrix<Real>*, double);     \
    template double median_distance(const Matrix<Real>&, uword)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::mmd
