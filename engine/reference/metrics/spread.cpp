#include "engine/reference/metrics/spread.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bcbench::reference {

namespace {

using arma::uword;

double squared_distance(const arma::mat& cells, uword i, uword j) {
    double sum = 0.0;
    for (uword f = 0; f < cells.n_rows; ++f) sum += (cells(f, i) - cells(f, j)) * (cells(f, i) - cells(f, j));
    return sum;
}

std::vector<uword> members(const Labels& labels, std::uint32_t code) {
    std::vector<uword> cells;
    for (uword i = 0; i < labels.code.size(); ++i) {
        if (labels.code[i] == code) cells.push_back(i);
    }
    return cells;
}

double variance_of(const arma::mat& cells, const std::vector<uword>& which) {
    double sum = 0.0;
    for (const uword i : which) {
        for (const uword j : which) sum += squared_distance(cells, i, j);
    }
    const auto n = static_cast<double>(which.size());
    return which.empty() ? 0.0 : sum / (2.0 * n * n);
}

std::vector<uword> all_of(const arma::mat& cells) {
    std::vector<uword> all;
    for (uword i = 0; i < cells.n_cols; ++i) all.push_back(i);
    return all;
}

// The share of each label among the k neighbours of cell i: of all choices of them that the distances leave.
std::vector<double> shares(const arma::mat& cells, uword i, const Labels& labels, uword k) {
    std::vector<double> distances;
    for (uword j = 0; j < cells.n_cols; ++j) {
        if (j != i) distances.push_back(squared_distance(cells, i, j));
    }
    std::sort(distances.begin(), distances.end());
    const double last = distances[k - 1];
    std::vector<double> closer(labels.count(), 0.0), tied(labels.count(), 0.0);
    double n_closer = 0.0, n_tied = 0.0;
    for (uword j = 0; j < cells.n_cols; ++j) {
        if (j == i || squared_distance(cells, i, j) > last) continue;
        const bool is_tied = squared_distance(cells, i, j) == last;
        (is_tied ? tied : closer)[labels.code[j]] += 1.0;
        (is_tied ? n_tied : n_closer) += 1.0;
    }
    for (std::size_t l = 0; l < closer.size(); ++l) {
        closer[l] = (closer[l] + tied[l] * (static_cast<double>(k) - n_closer) / n_tied) / static_cast<double>(k);
    }
    return closer;
}

}  // namespace

double total_variance(const arma::mat& cells) { return variance_of(cells, all_of(cells)); }

double variance_between(const arma::mat& cells, const Labels& labels) {
    double within = 0.0;
    for (std::uint32_t l = 0; l < labels.count(); ++l) {
        const std::vector<uword> own = members(labels, l);
        within += static_cast<double>(own.size()) / static_cast<double>(cells.n_cols) * variance_of(cells, own);
    }
    return total_variance(cells) - within;
}

double mmd_unbiased(const arma::mat& cells, const Labels& batch) {
    std::vector<double> distances;
    for (uword i = 0; i < cells.n_cols; ++i) {
        for (uword j = 0; j < i; ++j) distances.push_back(std::sqrt(squared_distance(cells, i, j)));
    }
    std::sort(distances.begin(), distances.end());
    const double w = distances[distances.size() / 2];
    const auto mean = [&](const std::vector<uword>& a, const std::vector<uword>& b) {
        double sum = 0.0, pairs = 0.0;
        for (const uword i : a) {
            for (const uword j : b) {
                if (i == j) continue;
                sum += std::exp(-squared_distance(cells, i, j) / (2.0 * w * w));
                pairs += 1.0;
            }
        }
        return sum / pairs;
    };
    double sum = 0.0, pairs = 0.0;
    for (std::uint32_t p = 0; p < batch.count(); ++p) {
        for (std::uint32_t q = 0; q < p; ++q) {
            const std::vector<uword> a = members(batch, p), b = members(batch, q);
            if (a.size() < 2 || b.size() < 2) continue;
            sum += mean(a, a) + mean(b, b) - 2.0 * mean(a, b);
            pairs += 1.0;
        }
    }
    return sum / pairs;
}

double mixing_with_ties(const arma::mat& cells, const Labels& batch, uword k) {
    double sum = 0.0;
    for (uword i = 0; i < cells.n_cols; ++i) {
        for (const double share : shares(cells, i, batch, k)) {
            const double p = std::min(std::max(share, 1e-8), 1.0);
            sum -= p * std::log(p);
        }
    }
    return sum / static_cast<double>(cells.n_cols);
}

double purity_with_ties(const arma::mat& cells, const Labels& type, uword k) {
    double sum = 0.0;
    for (uword i = 0; i < cells.n_cols; ++i) sum += shares(cells, i, type, k)[type.code[i]];
    return sum / static_cast<double>(cells.n_cols);
}

}  // namespace bcbench::reference
