#include "experiments/compare/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace bcbench {

namespace {

constexpr std::size_t largest_exact = 40;

double mean_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double upper_normal(double z) { return boost::math::cdf(boost::math::complement(boost::math::normal(), z)); }

// Twice the midrank of each value of `a` followed by `b`: integers, ties included.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> values = a;
    values.insert(values.end(), b.begin(), b.end());
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    std::vector<std::size_t> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
        for (std::size_t i = first; i <= last; ++i) ranks[order[i]] = first + last + 2;  // ranks first + 1 .. last + 1
        first = last + 1;
    }
    return ranks;
}

// ways[s]: how many choices of `size` of the ranks have the sum s. At most C(40, 20) < 2^53, so doubles count
// exactly.
std::vector<double> ways_of_sums(const std::vector<std::size_t>& ranks, std::size_t size) {
    const std::size_t largest = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
    std::vector<std::vector<double>> ways(size + 1, std::vector<double>(largest + 1, 0.0));
    ways[0][0] = 1.0;
    for (const std::size_t rank : ranks) {
        for (std::size_t chosen = size; chosen-- > 0;) {
            for (std::size_t sum = 0; sum + rank <= largest; ++sum) ways[chosen + 1][sum + rank] += ways[chosen][sum];
        }
    }
    return ways[size];
}

double exact_p(const std::vector<std::size_t>& ranks, std::size_t n_a, double expected, double observed) {
    const std::vector<double> ways = ways_of_sums(ranks, n_a);
    double all = 0.0;
    double as_extreme = 0.0;
    for (std::size_t sum = 0; sum < ways.size(); ++sum) {
        all += ways[sum];
        if (std::abs(static_cast<double>(sum) - expected) >= std::abs(observed - expected)) as_extreme += ways[sum];
    }
    return as_extreme / all;
}

// All sums here are of doubled ranks: the deviation, and the continuity correction of 1/2, count twice.
double normal_p(std::vector<std::size_t> ranks, double n_a, double n_b, double deviation) {
    const double n = n_a + n_b;
    std::sort(ranks.begin(), ranks.end());
    double ties = 0.0;
    for (auto first = ranks.begin(); first != ranks.end();) {
        const auto last = std::upper_bound(first, ranks.end(), *first);
        const auto count = static_cast<double>(last - first);
        ties += count * (count * count - 1.0);
        first = last;
    }
    const double variance = n_a * n_b / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    if (variance <= 0.0) return 1.0;
    const double z = std::max(0.0, std::abs(deviation) / 2.0 - 0.5) / std::sqrt(variance);
    return std::min(1.0, 2.0 * upper_normal(z));
}

// The largest k with 2 P(U <= k - 1) <= alpha: the interval runs from the k-th smallest to the k-th largest
// difference.
std::size_t interval_place(std::size_t n_a, std::size_t n_b, double alpha) {
    const double pairs = static_cast<double>(n_a) * static_cast<double>(n_b);
    if (n_a + n_b > largest_exact) {
        const double z = boost::math::quantile(boost::math::complement(boost::math::normal(), alpha / 2.0));
        const double width = z * std::sqrt(pairs * static_cast<double>(n_a + n_b + 1) / 12.0);
        return static_cast<std::size_t>(std::max(0.0, std::floor(pairs / 2.0 - width)));
    }
    std::vector<std::size_t> ranks(n_a + n_b);
    std::iota(ranks.begin(), ranks.end(), std::size_t{1});
    const std::vector<double> ways = ways_of_sums(ranks, n_a);
    const double all = std::accumulate(ways.begin(), ways.end(), 0.0);
    const std::size_t smallest_sum = n_a * (n_a + 1) / 2;  // where U = 0
    double below = 0.0;
    std::size_t k = 0;
    while (2.0 * (below + ways[smallest_sum + k]) / all <= alpha) below += ways[smallest_sum + k++];
    return k;
}

}  // namespace

Estimate mean_difference(const std::vector<double>& differences, double confidence) {
    if (differences.size() < 2) throw std::invalid_argument("a mean difference needs at least two differences");
    const auto n = static_cast<double>(differences.size());
    const bool all_equal = std::all_of(differences.begin(), differences.end(),
                                       [&](double difference) { return difference == differences.front(); });
    const double mean = all_equal ? differences.front() : mean_of(differences);
    double squares = 0.0;
    for (const double difference : differences) squares += (difference - mean) * (difference - mean);
    const double error = std::sqrt(squares / (n - 1.0) / n);
    // 0 also of tiny differences, whose squares underflow
    if (all_equal || error == 0.0) return {mean, mean, mean, mean == 0.0 ? 1.0 : 0.0};
    const double infinity = std::numeric_limits<double>::infinity();
    if (!std::isfinite(mean) || !std::isfinite(error)) return {mean, -infinity, infinity, 1.0};  // too large to say
    const boost::math::students_t t(n - 1.0);
    const double reach = boost::math::quantile(boost::math::complement(t, (1.0 - confidence) / 2.0)) * error;
    const double p = 2.0 * boost::math::cdf(boost::math::complement(t, std::abs(mean) / error));
    return {mean, mean - reach, mean + reach, p};
}

std::vector<double> holm(const std::vector<double>& p_values) {
    std::vector<std::size_t> order(p_values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
    std::vector<double> corrected(p_values.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        largest = std::max(largest, static_cast<double>(order.size() - i) * p_values[order[i]]);
        corrected[order[i]] = std::min(1.0, largest);
    }
    return corrected;
}

double mann_whitney(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.empty() || b.empty()) throw std::invalid_argument("the Mann-Whitney test needs values in both samples");
    const std::vector<std::size_t> ranks = doubled_ranks(a, b);
    const auto n_a = static_cast<double>(a.size());
    const auto n_b = static_cast<double>(b.size());
    const double expected = n_a * (n_a + n_b + 1.0);
    const auto end_of_a = ranks.begin() + static_cast<std::ptrdiff_t>(a.size());
    const auto observed = static_cast<double>(std::accumulate(ranks.begin(), end_of_a, std::size_t{0}));
    if (ranks.size() <= largest_exact) return exact_p(ranks, a.size(), expected, observed);
    return normal_p(ranks, n_a, n_b, observed - expected);
}

double smallest_mann_whitney(std::size_t n_a, std::size_t n_b) {
    double choices = 1.0;
    for (std::size_t i = 1; i <= n_a; ++i) choices *= static_cast<double>(n_b + i) / static_cast<double>(i);
    return std::min(1.0, 2.0 / choices);
}

Estimate ratio(const std::vector<double>& a, const std::vector<double>& b, double confidence) {
    std::vector<double> differences;
    for (const double x : a) {
        for (const double y : b) {
            if (!(x > 0.0) || !(y > 0.0)) throw std::invalid_argument("a ratio needs positive values");
            differences.push_back(std::log(y) - std::log(x));
        }
    }
    const double p = mann_whitney(a, b);
    std::sort(differences.begin(), differences.end());
    const std::size_t n = differences.size();
    const double median = (differences[(n - 1) / 2] + differences[n / 2]) / 2.0;
    const std::size_t k = interval_place(a.size(), b.size(), 1.0 - confidence);
    if (k == 0) return {std::exp(median), 0.0, std::numeric_limits<double>::infinity(), p};
    return {std::exp(median), std::exp(differences[k - 1]), std::exp(differences[n - k]), p};
}

}  // namespace bcbench
