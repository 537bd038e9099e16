#include "engine/reference/metrics/graph.hpp"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "engine/reference/neighbors.hpp"

namespace bcbench::reference {

namespace {

using arma::uword;

double distance_between(const arma::mat& cells, uword i, uword j) {
    double sum = 0.0;
    for (uword f = 0; f < cells.n_rows; ++f) sum += (cells(f, i) - cells(f, j)) * (cells(f, i) - cells(f, j));
    return std::sqrt(sum);
}

double sigma_of(const std::vector<double>& distances, double rho) {
    const double target = std::log2(static_cast<double>(distances.size() + 1));
    double low = 0.0, high = -1.0, sigma = 1.0;
    for (int step = 0; step < 64; ++step) {
        double sum = 0.0;
        for (const double d : distances) sum += d > rho ? std::exp(-(d - rho) / sigma) : 1.0;
        if (std::abs(sum - target) < 1e-5) break;
        if (sum > target) {
            high = sigma;
            sigma = (low + high) / 2.0;
        } else {
            low = sigma;
            sigma = high < 0.0 ? 2.0 * sigma : (low + high) / 2.0;
        }
    }
    return sigma;
}

std::vector<uword> cells_with(const Labels& labels, std::uint32_t code) {
    std::vector<uword> cells;
    for (uword i = 0; i < labels.code.size(); ++i) {
        if (labels.code[i] == code) cells.push_back(i);
    }
    return cells;
}

Labels labels_of(const Labels& labels, const std::vector<uword>& cells) {
    Labels part;
    part.names = labels.names;
    for (const uword i : cells) part.code.push_back(labels.code[i]);
    return part;
}

uword categories_of(const Labels& labels) {
    std::vector<std::uint32_t> codes = labels.code;
    std::sort(codes.begin(), codes.end());
    return static_cast<uword>(std::unique(codes.begin(), codes.end()) - codes.begin());
}

// All that can be reached from `from`: grown until nothing is added.
std::vector<uword> reached(const arma::mat& weights, uword from) {
    std::vector<uword> found{from};
    for (bool grows = true; grows;) {
        grows = false;
        for (uword j = 0; j < weights.n_cols; ++j) {
            if (std::find(found.begin(), found.end(), j) != found.end()) continue;
            for (const uword i : found) {
                if (weights(i, j) <= 0.0) continue;
                found.push_back(j);
                grows = true;
                break;
            }
        }
    }
    return found;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double jensen_shannon(arma::vec p, arma::vec q) {
    p = arma::clamp(p, 1e-10, arma::datum::inf);
    q = arma::clamp(q, 1e-10, arma::datum::inf);
    p /= arma::accu(p);
    q /= arma::accu(q);
    double sum = 0.0;
    for (uword b = 0; b < p.n_elem; ++b) {
        const double m = (p[b] + q[b]) / 2.0;
        sum += p[b] * std::log2(p[b] / m) / 2.0 + q[b] * std::log2(q[b] / m) / 2.0;
    }
    return std::sqrt(std::max(sum, 0.0));
}

}  // namespace

arma::mat umap_weights(const arma::mat& cells, uword others) {
    const uword n = cells.n_cols;
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, others);
    double mean_of_all = 0.0;
    for (uword i = 0; i < n; ++i) {
        for (uword r = 0; r < others; ++r) mean_of_all += distance_between(cells, i, index(r, i));
    }
    mean_of_all /= static_cast<double>(n * (others + 1));
    arma::mat w(n, n, arma::fill::zeros);
    for (uword i = 0; i < n; ++i) {
        std::vector<double> distances;
        double rho = 0.0;
        double mean = 0.0;
        for (uword r = 0; r < others; ++r) {
            distances.push_back(distance_between(cells, i, index(r, i)));
            if (rho == 0.0) rho = distances.back();
            mean += distances.back() / static_cast<double>(others + 1);
        }
        const double sigma = std::max(sigma_of(distances, rho), 0.001 * (rho > 0.0 ? mean : mean_of_all));
        for (uword r = 0; r < others; ++r) {
            const double weight = distances[r] <= rho ? 1.0 : std::exp(-(distances[r] - rho) / sigma);
            w(i, index(r, i)) = static_cast<float>(weight) == 0.0F ? 0.0 : weight;
        }
    }
    return w + w.t() - w % w.t();
}

std::optional<double> kbet(const arma::mat& cells, const Labels& batch, uword others, double alpha) {
    const uword n = cells.n_cols;
    const uword n_batches = categories_of(batch);
    if (n_batches < 2) return std::nullopt;
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, others);
    uword accepted = 0;
    for (uword i = 0; i < n; ++i) {
        double t = 0.0;
        for (std::uint32_t b = 0; b < batch.count(); ++b) {
            const double share = static_cast<double>(cells_with(batch, b).size()) / static_cast<double>(n);
            if (share == 0.0) continue;
            double observed = batch.code[i] == b ? 1.0 : 0.0;
            for (uword r = 0; r < others; ++r) observed += batch.code[index(r, i)] == b ? 1.0 : 0.0;
            const double expected = share * static_cast<double>(others + 1);
            t += (observed - expected) * (observed - expected) / expected;
        }
        accepted += boost::math::gamma_q(static_cast<double>(n_batches - 1) / 2.0, t / 2.0) >= alpha ? 1 : 0;
    }
    return static_cast<double>(accepted) / static_cast<double>(n);
}

arma::mat diffusion_coordinates(const arma::mat& weights, uword count) {
    const arma::vec q = arma::sum(weights, 1);
    const arma::mat k = weights / (q * q.t());
    const arma::vec z = arma::sum(k, 1);
    const arma::mat m = k / arma::sqrt(z * z.t());
    arma::vec values;
    arma::mat vectors;
    arma::eig_sym(values, vectors, m);
    const arma::uvec order = arma::sort_index(arma::abs(values), "descend");
    arma::mat coordinates(count, weights.n_cols);
    for (uword c = 0; c < count; ++c) {
        const float shifted = static_cast<float>(values[order[c]]) + 1e-8F;
        const float weight = shifted == 1.0F ? 1.0F : shifted / (1.0F - shifted);
        coordinates.row(c) = static_cast<double>(weight) * vectors.col(order[c]).t();
    }
    return coordinates;
}

std::optional<double> kbet_of_label(const arma::mat& weights, const Labels& label, const Labels& batch,
                                    std::uint32_t which, double alpha) {
    const std::vector<uword> members = cells_with(label, which);
    const Labels own = labels_of(batch, members);
    if (members.size() < 10 || categories_of(own) < 2) return std::nullopt;
    const uword k0 = std::min<uword>(70, std::max<uword>(10, members.size() / categories_of(own) / 4));
    const arma::mat part = weights(arma::uvec(members), arma::uvec(members));
    std::vector<uword> kept;
    for (uword i = 0; i < members.size(); ++i) {
        const uword size = reached(part, i).size();
        if (size == members.size() || size >= 3 * k0) kept.push_back(i);
    }
    if (static_cast<double>(kept.size()) < 0.75 * static_cast<double>(members.size())) return 0.0;
    const Labels used = labels_of(own, kept);
    if (categories_of(used) < 2) return std::nullopt;
    const arma::mat graph = part(arma::uvec(kept), arma::uvec(kept));
    const arma::mat coordinates = diffusion_coordinates(graph, std::min<uword>(100, kept.size() - 1));
    return kbet(coordinates, used, std::min<uword>(k0, kept.size() - 1), alpha);
}

std::optional<double> kbet_per_label(const arma::mat& weights, const Labels& label, const Labels& batch, double alpha) {
    double sum = 0.0;
    double count = 0.0;
    for (std::uint32_t l = 0; l < label.count(); ++l) {
        const std::optional<double> value = kbet_of_label(weights, label, batch, l, alpha);
        sum += value.value_or(0.0);
        count += value ? 1.0 : 0.0;
    }
    if (count == 0.0) return std::nullopt;
    return sum / count;
}

double ksim(const arma::mat& cells, const Labels& label, uword others) {
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, others);
    double sum = 0.0;
    for (uword i = 0; i < cells.n_cols; ++i) {
        double alike = 1.0;
        for (uword r = 0; r < others; ++r) alike += label.code[index(r, i)] == label.code[i] ? 1.0 : 0.0;
        sum += alike / static_cast<double>(others + 1);
    }
    return sum / static_cast<double>(cells.n_cols);
}

std::vector<double> sbee_of_cells(const arma::mat& cells, const Labels& label, const Labels& batch, uword others) {
    const uword n = cells.n_cols;
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, others);
    std::vector<double> scores(n, 0.0);
    for (uword i = 0; i < n; ++i) {
        arma::vec p(batch.count(), arma::fill::zeros), q(batch.count(), arma::fill::zeros);
        std::vector<double> intra, inter;
        for (uword j = 0; j < n; ++j) {
            if (label.code[j] != label.code[i]) continue;
            q[batch.code[j]] += 1.0;
            if (j != i) (batch.code[j] == batch.code[i] ? intra : inter).push_back(distance_between(cells, i, j));
        }
        const uword near = std::min<uword>(others + 1, intra.size() + inter.size() + 1);
        p[batch.code[i]] += 1.0;
        for (uword r = 0; r + 1 < near; ++r) {
            if (label.code[index(r, i)] == label.code[i]) p[batch.code[index(r, i)]] += 1.0;
        }
        if (intra.empty()) continue;
        const double inside = median(intra);
        const double between = inter.empty() ? inside : median(inter);
        if (inside == 0.0 || between == 0.0) continue;
        const double ratio = std::exp(-(1.0 - std::min(1.0, inside / between)) / 0.15);
        const double mixed = 1.0 - jensen_shannon(p, q);
        if (mixed > 0.0) scores[i] = 2.0 * mixed * ratio / (mixed + ratio);
    }
    return scores;
}

double modularity(const arma::mat& weights, const std::vector<std::uint32_t>& membership, double resolution) {
    const arma::vec k = arma::sum(weights, 1);
    const double total = arma::accu(k);
    double sum = 0.0;
    for (uword i = 0; i < weights.n_cols; ++i) {
        for (uword j = 0; j < weights.n_cols; ++j) {
            if (membership[i] == membership[j]) sum += weights(i, j) - resolution * k[i] * k[j] / total;
        }
    }
    return sum / total;
}

double best_modularity(const arma::mat& weights, double resolution) {
    const std::size_t n = weights.n_cols;
    std::vector<std::uint32_t> membership(n, 0);
    double best = modularity(weights, membership, resolution);
    while (true) {  // restricted growth strings: every partition once
        std::size_t i = n - 1;
        while (i > 0) {
            const std::uint32_t most = *std::max_element(membership.begin(), membership.begin() + static_cast<long>(i));
            if (membership[i] <= most) break;
            --i;
        }
        if (i == 0) return best;
        ++membership[i];
        std::fill(membership.begin() + static_cast<long>(i) + 1, membership.end(), 0U);
        best = std::max(best, modularity(weights, membership, resolution));
    }
}

}  // namespace bcbench::reference
