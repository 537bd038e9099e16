#include "engine/reference/metrics/pairs.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/reference/neighbors.hpp"

namespace bcbench::reference {

namespace {

std::vector<arma::uword> cells_with(const std::vector<std::uint32_t>& code, std::uint32_t wanted) {
    std::vector<arma::uword> cells;
    for (arma::uword i = 0; i < code.size(); ++i) {
        if (code[i] == wanted) cells.push_back(i);
    }
    return cells;
}

std::size_t distinct(const std::vector<std::uint32_t>& code, const std::vector<arma::uword>& which) {
    std::set<std::uint32_t> seen;
    for (const arma::uword i : which) seen.insert(code[i]);
    return seen.size();
}

std::vector<arma::uword> all_cells(arma::uword n) {
    std::vector<arma::uword> all(n);
    for (arma::uword i = 0; i < n; ++i) all[i] = i;
    return all;
}

struct GroupDistance {
    double sum = 0.0;
    double count = 0.0;
};

/// b_i of the other groups' sums.
double between_groups(const std::map<std::uint32_t, GroupDistance>& groups, std::uint32_t own, Between between) {
    double nearest = arma::datum::inf, furthest = 0.0, sum = 0.0, count = 0.0;
    for (const auto& [group, of_group] : groups) {
        if (group == own) continue;
        nearest = std::min(nearest, of_group.sum / of_group.count);
        furthest = std::max(furthest, of_group.sum / of_group.count);
        sum += of_group.sum;
        count += of_group.count;
    }
    if (between == Between::nearest) return nearest;
    return between == Between::furthest ? furthest : sum / count;
}

}  // namespace

double distance(const arma::mat& cells, arma::uword i, arma::uword j, Distance kind) {
    if (kind == Distance::euclidean) return arma::norm(cells.col(i) - cells.col(j));
    if (i == j) return 0.0;
    const double norms = arma::norm(cells.col(i)) * arma::norm(cells.col(j));
    if (norms == 0.0) return 1.0;
    const double apart = 1.0 - arma::dot(cells.col(i), cells.col(j)) / norms;
    return apart < 1e-13 ? 0.0 : apart;  // cells that point the same way, but for rounding
}

std::vector<double> silhouettes(const arma::mat& cells, const std::vector<std::uint32_t>& code,
                                const std::vector<arma::uword>& which, Distance kind, Between between) {
    std::vector<double> values;
    for (const arma::uword i : which) {
        std::map<std::uint32_t, GroupDistance> groups;
        for (const arma::uword j : which) {
            groups[code[j]].sum += distance(cells, i, j, kind);
            groups[code[j]].count += 1.0;
        }
        const GroupDistance& own = groups[code[i]];
        const double a = own.sum / (own.count - 1.0);
        const double b = between_groups(groups, code[i], between);
        values.push_back(own.count == 1.0 || std::max(a, b) == 0.0 ? 0.0 : (b - a) / std::max(a, b));
    }
    return values;
}

std::optional<double> silhouette_label(const arma::mat& cells, const Labels& label, Distance kind) {
    const std::vector<arma::uword> all = all_cells(cells.n_cols);
    if (distinct(label.code, all) < 2) return std::nullopt;
    double sum = 0.0;
    for (const double s : silhouettes(cells, label.code, all, kind, Between::nearest)) sum += s;
    return (sum / static_cast<double>(cells.n_cols) + 1.0) / 2.0;
}

std::optional<double> silhouette_batch(const arma::mat& cells, const Labels& label, const Labels& batch, Distance kind,
                                       Between between) {
    double sum = 0.0, count = 0.0;
    for (std::uint32_t l = 0; l < label.count(); ++l) {
        const std::vector<arma::uword> which = cells_with(label.code, l);
        const std::size_t batches = distinct(batch.code, which);
        if (batches < 2 || batches == which.size()) continue;
        double of_label = 0.0;
        for (const double s : silhouettes(cells, batch.code, which, kind, between)) of_label += 1.0 - std::abs(s);
        sum += of_label / static_cast<double>(which.size());
        count += 1.0;
    }
    if (count == 0.0) return std::nullopt;
    return sum / count;
}

std::optional<double> isolated_labels(const arma::mat& cells, const Labels& label, const Labels& batch) {
    const std::vector<arma::uword> all = all_cells(cells.n_cols);
    if (distinct(label.code, all) < 2) return std::nullopt;
    const std::vector<double> s = silhouettes(cells, label.code, all, Distance::euclidean, Between::nearest);
    std::size_t fewest = cells.n_cols;
    for (std::uint32_t l = 0; l < label.count(); ++l) {
        const std::vector<arma::uword> which = cells_with(label.code, l);
        if (!which.empty()) fewest = std::min(fewest, distinct(batch.code, which));
    }
    double sum = 0.0, count = 0.0;
    for (std::uint32_t l = 0; l < label.count(); ++l) {
        const std::vector<arma::uword> which = cells_with(label.code, l);
        if (which.empty() || distinct(batch.code, which) > fewest) continue;
        double of_label = 0.0;
        for (const arma::uword i : which) of_label += (s[i] + 1.0) / 2.0;
        sum += of_label / static_cast<double>(which.size());
        count += 1.0;
    }
    return sum / count;
}

std::vector<double> lisi(const arma::mat& cells, const Labels& labels, arma::uword n_others, double perplexity) {
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, n_others);
    std::vector<double> values;
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        arma::vec d(n_others);
        for (arma::uword r = 0; r < n_others; ++r) d[r] = distance(cells, i, index(r, i), Distance::euclidean);
        double beta = 1.0, lower = 0.0, upper = arma::datum::inf, entropy = 0.0;
        arma::vec p;
        for (int update = 0; update <= 50; ++update) {
            p = arma::exp(-beta * d);
            const double sum = arma::accu(p);
            entropy = sum == 0.0 ? 0.0 : std::log(sum) + beta * arma::dot(d, p) / sum;
            p /= sum;
            if (std::abs(entropy - std::log(perplexity)) < 1e-5 || update == 50) break;
            (entropy > std::log(perplexity) ? lower : upper) = beta;
            if (std::isinf(upper)) {
                beta *= 2.0;
            } else {
                beta = lower == 0.0 ? beta / 2.0 : (lower + upper) / 2.0;
            }
        }
        arma::vec share(labels.count(), arma::fill::zeros);
        for (arma::uword r = 0; r < n_others; ++r) share[labels.code[index(r, i)]] += p[r];
        values.push_back(1.0 / arma::dot(share, share));
    }
    return values;
}

namespace {

/// Which cells each cell reaches. [n][n]
std::vector<std::vector<bool>> reached(const std::vector<std::set<arma::uword>>& edges) {
    std::vector<std::vector<bool>> reach(edges.size(), std::vector<bool>(edges.size(), false));
    for (arma::uword start = 0; start < edges.size(); ++start) {
        std::vector<arma::uword> open = {start};
        reach[start][start] = true;
        while (!open.empty()) {
            const arma::uword i = open.back();
            open.pop_back();
            for (const arma::uword j : edges[i]) {
                if (reach[start][j]) continue;
                reach[start][j] = true;
                open.push_back(j);
            }
        }
    }
    return reach;
}

}  // namespace

double graph_connectivity(const arma::mat& cells, const Labels& label, arma::uword n_others, bool strong) {
    const arma::Mat<std::uint32_t> index = nearest_neighbors(cells, n_others);
    std::vector<std::set<arma::uword>> edges(cells.n_cols);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        for (arma::uword r = 0; r < n_others; ++r) {
            const arma::uword j = index(r, i);
            if (label.code[i] != label.code[j]) continue;
            edges[i].insert(j);
            if (!strong) edges[j].insert(i);
        }
    }
    const std::vector<std::vector<bool>> reach = reached(edges);
    double sum = 0.0, count = 0.0;
    for (std::uint32_t l = 0; l < label.count(); ++l) {
        const std::vector<arma::uword> which = cells_with(label.code, l);
        if (which.empty()) continue;
        std::size_t largest = 0;
        for (const arma::uword i : which) {
            std::size_t together = 0;
            for (const arma::uword j : which) together += reach[i][j] && reach[j][i] ? 1 : 0;
            largest = std::max(largest, together);
        }
        sum += static_cast<double>(largest) / static_cast<double>(which.size());
        count += 1.0;
    }
    return sum / count;
}

}  // namespace bcbench::reference
