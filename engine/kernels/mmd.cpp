#include "engine/kernels/mmd.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/kernels/kernel_sum.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::mmd {

namespace {

using arma::uword;

// sqrt(max(v, 0)) and its slope, which is 0 where v <= 0.
struct Root {
    double value = 0.0;
    double slope = 0.0;
};

Root root(double v) {
    if (!std::isfinite(v)) throw NumericalError("the MMD loss is not finite");
    if (v <= 0.0) return {};
    return {std::sqrt(v), 0.5 / std::sqrt(std::max(v, 1e-12))};
}

std::vector<uword> cells_where(const Labels& batch, std::uint32_t code, bool equal) {
    std::vector<uword> cells;
    for (uword i = 0; i < batch.code.size(); ++i) {
        if ((batch.code[i] == code) == equal) cells.push_back(i);
    }
    return cells;
}

// ---- masked, masked_unbiased: each comparison scales its two groups in its own way

// One side of a masked comparison: its points, scaled copies of latent columns, and how many zero rows it has besides.
template <class Real>
struct MaskedGroup {
    std::vector<uword> members;  // columns of the latent matrix
    Matrix<Real> points;         // [L x members] scale * latent
    double scale = 1.0;
    double n_zero_rows = 0.0;
    Matrix<Real> points_bar;  // [L x members], if a gradient is wanted

    double n_rows() const { return static_cast<double>(members.size()) + n_zero_rows; }
};

template <class Real>
MaskedGroup<Real> make_masked_group(const Matrix<Real>& latent, std::vector<uword> members, bool want_gradient) {
    MaskedGroup<Real> group;
    const auto n = static_cast<double>(latent.n_cols);
    const auto n_members = static_cast<double>(members.size());
    group.scale = n / std::max(n_members, 1.0);
    group.n_zero_rows = n - n_members;
    group.points = static_cast<Real>(group.scale) * latent.cols(arma::uvec(members));
    group.members = std::move(members);
    if (want_gradient) group.points_bar.zeros(arma::size(group.points));
    return group;
}

// E k(a, a) or E k(a, b): kernel sums among members, members against zero rows, zero against zero. `unbiased` leaves
// out of E k(a, a) the pairs of a row with itself, zero rows too; they are 1 and have no slope. Adds coefficient times
// the gradient to the points_bar of both, if wanted.
template <class Real>
double masked_expectation(MaskedGroup<Real>& a, MaskedGroup<Real>& b, const Options& options, double coefficient,
                          bool want_gradient) {
    const std::vector<double>& bandwidths = options.bandwidths;
    const bool same = &a == &b;
    const double self_pairs = same && options.estimator == Estimator::masked_unbiased ? a.n_rows() : 0.0;
    const double pairs = std::max(a.n_rows() * b.n_rows() - self_pairs, 1.0);
    const double slope = coefficient / pairs;
    Matrix<Real>* a_bar = want_gradient ? &a.points_bar : nullptr;
    Matrix<Real>* b_bar = want_gradient ? &b.points_bar : nullptr;
    const Matrix<Real> zero(a.points.n_rows, 1, arma::fill::zeros);
    // by symmetry d/da of the sum over (a, a) is twice the derivative with respect to its first argument
    double sum = kernel_sum(a.points, b.points, bandwidths, a_bar, same ? 2.0 * slope : slope);
    if (!same && want_gradient) kernel_sum(b.points, a.points, bandwidths, b_bar, slope);
    if (b.n_zero_rows > 0.0) {
        sum += b.n_zero_rows * kernel_sum(a.points, zero, bandwidths, a_bar, slope * b.n_zero_rows);
    }
    if (a.n_zero_rows > 0.0) {
        sum += a.n_zero_rows * kernel_sum(b.points, zero, bandwidths, b_bar, slope * a.n_zero_rows);
    }
    return (sum + a.n_zero_rows * b.n_zero_rows - self_pairs) / pairs;
}

// The loss of one comparison; adds loss_bar times its gradient to latent_bar.
template <class Real>
double masked_comparison(const Matrix<Real>& latent, std::vector<uword> first, std::vector<uword> second,
                         const Options& options, Matrix<Real>* latent_bar, double loss_bar) {
    const bool want_gradient = latent_bar != nullptr;
    MaskedGroup<Real> a = make_masked_group(latent, std::move(first), want_gradient);
    MaskedGroup<Real> b = make_masked_group(latent, std::move(second), want_gradient);
    const Root loss = root(masked_expectation(a, a, options, 1.0, want_gradient) +
                           masked_expectation(b, b, options, 1.0, want_gradient) -
                           2.0 * masked_expectation(a, b, options, -2.0, want_gradient));
    if (want_gradient && loss.slope > 0.0) {
        for (const MaskedGroup<Real>* group : {&a, &b}) {
            const auto factor = static_cast<Real>(loss_bar * loss.slope * group->scale);
            for (uword i = 0; i < group->members.size(); ++i) {
                latent_bar->col(group->members[i]) += factor * group->points_bar.col(i);
            }
        }
    }
    return loss.value;
}

template <class Real>
double masked_loss(const Matrix<Real>& latent, const Labels& batch, const Options& options, Matrix<Real>* latent_bar,
                   double loss_bar) {
    if (options.pairs == Pairs::first_vs_rest) {
        return masked_comparison(latent, cells_where(batch, 0, true), cells_where(batch, 0, false), options, latent_bar,
                                 loss_bar);
    }
    std::vector<uword> all(latent.n_cols);
    std::iota(all.begin(), all.end(), uword{0});
    const std::vector<std::size_t> sizes = label_sizes(batch);
    const auto n_present =
        static_cast<double>(sizes.size()) - static_cast<double>(std::count(sizes.begin(), sizes.end(), 0U));
    double sum = 0.0;
    for (std::uint32_t b = 0; b < sizes.size(); ++b) {
        if (sizes[b] == 0) continue;
        sum += masked_comparison(latent, cells_where(batch, b, true), all, options, latent_bar, loss_bar / n_present);
    }
    return sum / n_present;
}

// ---- biased and unbiased: every comparison is made of the kernel sums S(g, h) between groups of cells

template <class Real>
struct Groups {
    std::vector<std::vector<uword>> members;  // [G] columns of the latent matrix
    std::vector<Matrix<Real>> points;         // [G] of [L x members]
    arma::vec sizes;                          // [G]
};

// The groups that are compared: batch 0 and all others, or every batch, as far as they have enough cells.
template <class Real>
Groups<Real> make_groups(const Matrix<Real>& latent, const Labels& batch, const Options& options) {
    Groups<Real> groups;
    if (options.pairs == Pairs::first_vs_rest) {
        groups.members = {cells_where(batch, 0, true), cells_where(batch, 0, false)};
    } else {
        for (std::uint32_t b = 0; b < batch.count(); ++b) groups.members.push_back(cells_where(batch, b, true));
    }
    std::erase_if(groups.members,
                  [&](const std::vector<uword>& members) { return members.size() < fewest_cells(options.estimator); });
    groups.sizes.set_size(groups.members.size());
    for (uword g = 0; g < groups.members.size(); ++g) {
        groups.points.push_back(latent.cols(arma::uvec(groups.members[g])));
        groups.sizes[g] = static_cast<double>(groups.members[g].size());
    }
    return groups;
}

// One comparison of a set of groups a with a set b (1: in it, 0: not), in terms of the sums S:
//   E k(a, b) = (S(a, b) - d) / (n_a n_b - d),  d = pairs of a cell with itself, left out by the unbiased estimator.
struct Comparison {
    double value = 0.0;
    arma::mat sums_bar;  // [G x G] d value / d S
};

Comparison compare(const arma::mat& sums, const arma::vec& sizes, const arma::vec& a, const arma::vec& b,
                   bool unbiased) {
    const auto expectation = [&](const arma::vec& u, const arma::vec& v, double coefficient, Comparison& total) {
        const double self_pairs = unbiased ? arma::dot(sizes, u % v) : 0.0;
        const double pairs = arma::dot(sizes, u) * arma::dot(sizes, v) - self_pairs;
        total.value += coefficient * (arma::as_scalar(u.t() * sums * v) - self_pairs) / pairs;
        total.sums_bar += coefficient / pairs * (u * v.t());
    };
    Comparison total{0.0, arma::mat(arma::size(sums), arma::fill::zeros)};
    expectation(a, a, 1.0, total);
    expectation(b, b, 1.0, total);
    expectation(a, b, -2.0, total);
    const Root loss = root(total.value);
    return {loss.value, loss.slope * total.sums_bar};
}

// The mean loss of all comparisons.
Comparison compare_all(const arma::mat& sums, const arma::vec& sizes, const Options& options) {
    const bool unbiased = options.estimator == Estimator::unbiased;
    const uword n_groups = sizes.n_elem;
    const arma::mat unit = arma::eye(n_groups, n_groups);
    if (options.pairs == Pairs::first_vs_rest) return compare(sums, sizes, unit.col(0), unit.col(1), unbiased);
    Comparison mean{0.0, arma::mat(n_groups, n_groups, arma::fill::zeros)};
    for (uword g = 0; g < n_groups; ++g) {
        const Comparison one = compare(sums, sizes, unit.col(g), arma::ones(n_groups), unbiased);
        mean.value += one.value / static_cast<double>(n_groups);
        mean.sums_bar += one.sums_bar / static_cast<double>(n_groups);
    }
    return mean;
}

template <class Real>
double grouped_loss(const Matrix<Real>& latent, const Labels& batch, const Options& options, Matrix<Real>* latent_bar,
                    double loss_bar) {
    const Groups<Real> groups = make_groups(latent, batch, options);
    const uword n_groups = groups.members.size();
    if (n_groups < 2) return 0.0;
    arma::mat sums(n_groups, n_groups);
    arma::field<Matrix<Real>> slopes(n_groups, n_groups);  // of S(g, h) with respect to the points of g  [L x members]
    for (uword g = 0; g < n_groups; ++g) {
        for (uword h = 0; h < n_groups; ++h) {
            if (h < g) sums(g, h) = sums(h, g);
            if (h < g && latent_bar == nullptr) continue;
            Matrix<Real>* slope = nullptr;
            if (latent_bar != nullptr) {
                slopes(g, h).zeros(arma::size(groups.points[g]));
                slope = &slopes(g, h);
            }
            const double sum = kernel_sum(groups.points[g], groups.points[h], options.bandwidths, slope);
            if (h >= g) sums(g, h) = sum;
        }
    }
    const Comparison loss = compare_all(sums, groups.sizes, options);
    if (latent_bar == nullptr) return loss.value;
    for (uword g = 0; g < n_groups; ++g) {
        Matrix<Real> points_bar(arma::size(groups.points[g]), arma::fill::zeros);
        for (uword h = 0; h < n_groups; ++h) {
            // a point of g is first argument in S(g, h) and second in S(h, g)
            const double factor = loss_bar * (loss.sums_bar(g, h) + loss.sums_bar(h, g));
            points_bar += static_cast<Real>(factor) * slopes(g, h);
        }
        for (uword i = 0; i < groups.members[g].size(); ++i) latent_bar->col(groups.members[g][i]) += points_bar.col(i);
    }
    return loss.value;
}

}  // namespace

bool is_masked(Estimator estimator) {
    return estimator == Estimator::masked || estimator == Estimator::masked_unbiased;
}

std::size_t fewest_cells(Estimator estimator) {
    return is_masked(estimator) ? 0 : estimator == Estimator::biased ? 1 : 2;
}

template <class Real>
double loss(const Matrix<Real>& latent, const Labels& batch, const Options& options, Matrix<Real>* latent_bar,
            double loss_bar) {
    require(!options.bandwidths.empty(), "the MMD needs at least one bandwidth");
    for (const double w : options.bandwidths) require(w > 0.0, "an MMD bandwidth must be greater than 0");
    require(batch.code.size() == latent.n_cols, "the MMD needs one batch label per cell");
    if (is_masked(options.estimator)) return masked_loss(latent, batch, options, latent_bar, loss_bar);
    return grouped_loss(latent, batch, options, latent_bar, loss_bar);
}

namespace {

// One of each stretch of n / count cells, at random: batches often alternate, and evenly spaced cells could all be of
// one.
std::vector<uword> sample_of(uword n, uword count) {
    constexpr std::uint64_t seed = 0x6d656469616e;
    std::vector<uword> sample(count);
    for (uword s = 0; s < count; ++s) {
        const uword first = s * n / count;
        const uword length = (s + 1) * n / count - first;
        sample[s] = first + random_word(make_key(seed), s) % length;
    }
    return sample;
}

}  // namespace

template <class Real>
double median_distance(const Matrix<Real>& cells, uword max_cells) {
    const std::vector<uword> sample = sample_of(cells.n_cols, std::min(cells.n_cols, max_cells));
    std::vector<double> distances;
    for (uword i = 0; i < sample.size(); ++i) {
        for (uword j = 0; j < i; ++j) {
            const Real* a = cells.colptr(sample[i]);
            const Real* b = cells.colptr(sample[j]);
            distances.push_back(std::sqrt(sum_of(cells.n_rows, [a, b](uword l) {
                const double gap = static_cast<double>(a[l]) - static_cast<double>(b[l]);
                return gap * gap;
            })));
        }
    }
    require(!distances.empty(), "a median distance needs at least two cells");
    for (const double distance : distances) {
        if (!std::isfinite(distance)) throw NumericalError("a distance between cells is not finite");
    }
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    return *middle;
}

#define BCBENCH_INSTANTIATE(Real)                                                                    \
    template double loss(const Matrix<Real>&, const Labels&, const Options&, Matrix<Real>*, double); \
    template double median_distance(const Matrix<Real>&, uword)
BCBENCH_INSTANTIATE(float);
BCBENCH_INSTANTIATE(double);
#undef BCBENCH_INSTANTIATE

}  // namespace bcbench::mmd
