#include "engine/reference/metrics/partitions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "engine/core/random.hpp"

namespace bcbench::reference {

namespace {

double squared(const arma::vec& x, const arma::vec& y) {
    double sum = 0.0;
    for (arma::uword f = 0; f < x.n_elem; ++f) sum += (x[f] - y[f]) * (x[f] - y[f]);
    return sum;
}

/// Stable sort of `values` by the words of `key`.
std::vector<std::uint32_t> sorted_by_words(const std::vector<std::uint32_t>& values, Key key) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> tagged;
    for (std::uint32_t i = 0; i < values.size(); ++i) tagged.emplace_back(random_word(key, i), values[i]);
    std::stable_sort(tagged.begin(), tagged.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::uint32_t> sorted;
    for (const auto& entry : tagged) sorted.push_back(entry.second);
    return sorted;
}

std::vector<std::uint32_t> candidates_of(Key key, const std::vector<double>& d, std::size_t count) {
    double total = 0.0;
    for (const double each : d) total += each;
    std::vector<std::pair<double, std::uint32_t>> scores;  // negative, so that the smallest is the best
    for (std::uint32_t i = 0; i < d.size(); ++i) {
        const float u = uniform_from_word(random_word(key, i), 0x1p-126F, 1.0F);
        const double gumbel = static_cast<double>(-std::log(-std::log(u)));
        scores.emplace_back(d[i] == 0.0 ? arma::datum::inf : -(gumbel + std::log(d[i] / total)), i);
    }
    std::sort(scores.begin(), scores.end());
    std::vector<std::uint32_t> candidates;
    for (std::size_t c = 0; c < std::min(count, d.size()); ++c) candidates.push_back(scores[c].second);
    return candidates;
}

std::vector<std::uint32_t> nearest(const arma::mat& x, const arma::mat& centres) {
    std::vector<std::uint32_t> cluster;
    for (arma::uword i = 0; i < x.n_cols; ++i) {
        arma::vec d(centres.n_cols);
        for (arma::uword c = 0; c < centres.n_cols; ++c) d[c] = squared(x.col(i), centres.col(c));
        cluster.push_back(static_cast<std::uint32_t>(d.index_min()));
    }
    return cluster;
}

}  // namespace

KmeansResult kmeans(const arma::mat& cells, arma::uword n_clusters, std::uint64_t seed) {
    const arma::mat x = cells.each_col() - arma::vec(arma::mean(cells, 1));
    const auto n = static_cast<double>(x.n_cols);
    std::vector<Key> keys = split(split(make_key(seed), 1)[0], 2);
    Key shuffle = keys[1];
    std::vector<std::uint32_t> order(x.n_cols);
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    for (double round = 0.0; round < std::ceil(3.0 * std::log(n) / std::log(4294967295.0)); round += 1.0) {
        const std::vector<Key> next = split(shuffle, 2);
        shuffle = next[0];
        order = sorted_by_words(order, next[1]);
    }
    KmeansResult result;
    result.first_cells = {order[0]};
    std::vector<double> d(x.n_cols);
    for (arma::uword i = 0; i < x.n_cols; ++i) d[i] = squared(x.col(i), x.col(order[0]));
    const auto count = static_cast<std::size_t>(2.0 + std::floor(std::log(static_cast<double>(n_clusters))));
    while (result.first_cells.size() < n_clusters) {
        keys = split(keys[0], 2);
        double smallest = arma::datum::inf;
        std::vector<double> best_d;
        std::uint32_t best = 0;
        for (const std::uint32_t candidate : candidates_of(keys[1], d, count)) {
            std::vector<double> left(x.n_cols);
            double sum = 0.0;
            for (arma::uword i = 0; i < x.n_cols; ++i) {
                left[i] = std::min(d[i], squared(x.col(i), x.col(candidate)));
                sum += left[i];
            }
            if (sum >= smallest) continue;
            smallest = sum;
            best = candidate;
            best_d = left;
        }
        result.first_cells.push_back(best);
        d = best_d;
    }
    arma::mat centres(x.n_rows, n_clusters);
    for (arma::uword c = 0; c < n_clusters; ++c) centres.col(c) = x.col(result.first_cells[c]);
    result.cluster = nearest(x, centres);
    for (int round = 0; round < 300; ++round) {
        arma::vec sizes(n_clusters, arma::fill::zeros);
        centres.zeros();
        for (arma::uword i = 0; i < x.n_cols; ++i) {
            centres.col(result.cluster[i]) += x.col(i);
            sizes[result.cluster[i]] += 1.0;
        }
        for (arma::uword c = 0; c < n_clusters; ++c) centres.col(c) /= std::max(sizes[c], 1.0);
        const std::vector<std::uint32_t> moved = nearest(x, centres);
        if (moved == result.cluster) break;
        result.cluster = moved;
    }
    for (arma::uword i = 0; i < x.n_cols; ++i) result.inertia += squared(x.col(i), centres.col(result.cluster[i]));
    return result;
}

double nmi(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    std::map<std::uint32_t, double> of_a, of_b;
    std::map<std::pair<std::uint32_t, std::uint32_t>, double> joint;
    const double share = 1.0 / static_cast<double>(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        of_a[a[i]] += share;
        of_b[b[i]] += share;
        joint[{a[i], b[i]}] += share;
    }
    if (of_a.size() == 1 && of_b.size() == 1) return 1.0;
    double information = 0.0, entropy_a = 0.0, entropy_b = 0.0;
    for (const auto& [pair, p] : joint) information += p * std::log(p / (of_a[pair.first] * of_b[pair.second]));
    for (const auto& entry : of_a) entropy_a -= entry.second * std::log(entry.second);
    for (const auto& entry : of_b) entropy_b -= entry.second * std::log(entry.second);
    return information / ((entropy_a + entropy_b) / 2.0);
}

double ari(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    double both = 0.0, in_a = 0.0, in_b = 0.0, all = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            all += 1.0;
            in_a += a[i] == a[j] ? 1.0 : 0.0;
            in_b += b[i] == b[j] ? 1.0 : 0.0;
            both += a[i] == a[j] && b[i] == b[j] ? 1.0 : 0.0;
        }
    }
    if (in_a == in_b && (in_a == 0.0 || in_a == all)) return 1.0;
    const double expected = in_a * in_b / all;
    return (both - expected) / ((in_a + in_b) / 2.0 - expected);
}

double between_batch_share(const arma::mat& cells, const Labels& batch) {
    const arma::mat centred = cells.each_col() - arma::vec(arma::mean(cells, 1));
    arma::mat u, v;
    arma::vec s;
    arma::svd_econ(u, s, v, centred);  // the scores of component c are s[c] * v.col(c)
    arma::mat one_hot(cells.n_cols, batch.count(), arma::fill::zeros);
    for (arma::uword i = 0; i < cells.n_cols; ++i) one_hot(i, batch.code[i]) = 1.0;
    double explained = 0.0, total = 0.0;
    for (arma::uword c = 0; c < s.n_elem; ++c) {
        const arma::vec fitted = one_hot * (arma::pinv(one_hot) * v.col(c));
        const double mean = arma::mean(v.col(c));
        const double variance = arma::accu(arma::square(v.col(c) - mean));
        explained += s[c] * s[c] * (variance > 0.0 ? arma::accu(arma::square(fitted - mean)) : 0.0);
        total += s[c] * s[c] * variance;
    }
    return explained / total;
}

}  // namespace bcbench::reference
