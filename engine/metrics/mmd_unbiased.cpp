#include "engine/metrics/mmd_unbiased.hpp"

#include <algorithm>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/kernels/kernel_sum.hpp"
#include "engine/kernels/mmd.hpp"

namespace bcbench::mmd_unbiased {

namespace {

using arma::uword;

// At most `max_cells` of the cells of each batch that has two, as they stand.
template <class Real>
std::vector<Matrix<Real>> sampled_batches(const Matrix<Real>& cells, const Labels& batch, uword max_cells) {
    constexpr std::uint64_t seed = 0x6d6d645f756e;
    std::vector<std::vector<uword>> members(batch.count());
    for (uword i = 0; i < cells.n_cols; ++i) members[batch.code[i]].push_back(i);
    std::vector<Matrix<Real>> batches;
    for (const std::vector<uword>& all : members) {
        if (all.size() < 2) continue;
        const uword count = std::min<uword>(all.size(), max_cells);
        arma::uvec chosen(count);
        for (uword s = 0; s < count; ++s) {
            const uword first = s * all.size() / count;
            const uword length = (s + 1) * all.size() / count - first;
            chosen[s] = all[first + random_word(make_key(seed), s) % length];
        }
        batches.push_back(cells.cols(chosen));
    }
    return batches;
}

template <class Real>
double mean_kernel(const Matrix<Real>& a, const Matrix<Real>& b, double bandwidth) {
    return kernel_sum(a, b, {bandwidth}) / (static_cast<double>(a.n_cols) * static_cast<double>(b.n_cols));
}

// Without the pairs of a cell with itself.
template <class Real>
double mean_kernel_within(const Matrix<Real>& a, double bandwidth) {
    const auto n = static_cast<double>(a.n_cols);
    return (kernel_sum(a, a, {bandwidth}) - n) / (n * (n - 1.0));
}

}  // namespace

void validate(const Options& options) {
    require_option(options.max_cells >= 2, "max_cells", options.max_cells, "at least 2");
}

template <class Real>
MetricResult evaluate(const Matrix<Real>& cells, const Labels& batch, const Options& options) {
    validate(options);
    require(batch.code.size() == cells.n_cols, "the MMD needs one batch label per cell");
    const std::vector<Matrix<Real>> batches = sampled_batches(cells, batch, static_cast<uword>(options.max_cells));
    if (batches.size() < 2) return not_applicable("needs at least two batches of two cells");
    const double bandwidth = mmd::median_distance(cells);
    if (!(bandwidth > 0.0)) return not_applicable("half of all pairs of cells lie at the same place");
    std::vector<double> within;
    for (const Matrix<Real>& each : batches) within.push_back(mean_kernel_within(each, bandwidth));
    double sum = 0.0;
    std::size_t n_pairs = 0;
    for (std::size_t a = 0; a < batches.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b, ++n_pairs) {
            sum += within[a] + within[b] - 2.0 * mean_kernel(batches[a], batches[b], bandwidth);
        }
    }
    MetricResult result;
    result.value = sum / static_cast<double>(n_pairs);
    result.details = {{"bandwidth", bandwidth}};
    return result;
}

template MetricResult evaluate(const Matrix<float>&, const Labels&, const Options&);
template MetricResult evaluate(const Matrix<double>&, const Labels&, const Options&);

}  // namespace bcbench::mmd_unbiased
