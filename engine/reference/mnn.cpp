#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/reference/baselines.hpp"
#include "engine/reference/neighbors.hpp"

namespace bcbench::reference {

namespace {

double variance_of(const arma::mat& cells) { return cells.n_cols < 2 ? 0.0 : arma::accu(arma::var(cells, 0, 1)); }

void remove_along(arma::mat& cells, const arma::vec& direction) {
    const double length = std::sqrt(arma::dot(direction, direction));
    if (length == 0.0) return;
    double centre = 0.0;
    arma::vec place(cells.n_cols);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        place[i] = arma::dot(cells.col(i), direction) / length;
        centre += place[i] / static_cast<double>(cells.n_cols);
    }
    for (arma::uword i = 0; i < cells.n_cols; ++i) cells.col(i) += (centre - place[i]) / length * direction;
}

using Pairs = std::map<arma::uword, std::vector<arma::uword>>;  // cell of the right set -> its partners in the left one

Pairs mutual(const arma::mat& left, const arma::mat& right, std::size_t k) {
    const auto of_right = nearest_neighbors_among(left, right, std::min<arma::uword>(k, left.n_cols));
    const auto of_left = nearest_neighbors_among(right, left, std::min<arma::uword>(k, right.n_cols));
    Pairs pairs;
    for (arma::uword i = 0; i < left.n_cols; ++i) {
        for (arma::uword j = 0; j < right.n_cols; ++j) {
            bool i_of_j = false, j_of_i = false;
            for (arma::uword r = 0; r < of_right.n_rows; ++r) i_of_j = i_of_j || of_right(r, j) == i;
            for (arma::uword r = 0; r < of_left.n_rows; ++r) j_of_i = j_of_i || of_left(r, i) == j;
            if (i_of_j && j_of_i) pairs[j].push_back(i);
        }
    }
    return pairs;
}

// One column per cell of the right set in pairs, in the order of the map.
arma::mat vectors_of(const arma::mat& left, const arma::mat& right, const Pairs& pairs) {
    arma::mat vectors(left.n_rows, pairs.size(), arma::fill::zeros);
    arma::uword column = 0;
    for (const auto& [j, partners] : pairs) {
        for (const arma::uword i : partners) {
            vectors.col(column) += (left.col(i) - right.col(j)) / static_cast<double>(partners.size());
        }
        ++column;
    }
    return vectors;
}

void move(arma::mat& right, const Pairs& pairs, const arma::mat& vectors, std::size_t k, double bandwidth) {
    arma::mat members(right.n_rows, pairs.size());
    arma::uword column = 0;
    for (const auto& [j, partners] : pairs) members.col(column++) = right.col(j);
    const arma::uword n_nearest = std::min<arma::uword>(k, members.n_cols);
    const auto nearest = nearest_neighbors_among(members, right, n_nearest);
    const arma::mat before = right;
    for (arma::uword i = 0; i < right.n_cols; ++i) {
        const auto distance = [&](arma::uword r) { return arma::norm(before.col(i) - members.col(nearest(r, i))); };
        const double width = bandwidth * distance((n_nearest + 1) / 2 - 1);
        double sum = 0.0;
        arma::vec moved(right.n_rows, arma::fill::zeros);
        for (arma::uword r = 0; r < n_nearest; ++r) {
            const double relative =
                width == 0.0 ? (distance(r) == 0.0 ? 0.0 : 1.0) : std::min(distance(r) / width, 1.0);
            const double weight = std::pow(1.0 - std::pow(relative, 3), 3);
            sum += weight;
            moved += weight * vectors.col(nearest(r, i));
        }
        right.col(i) += moved / sum;
    }
}

}  // namespace

MnnResult mnn(const arma::mat& cells, const Labels& batch, const MnnOptions& options) {
    std::vector<arma::mat> sets(batch.names.size());           // cells of each batch
    std::vector<std::vector<arma::uword>> place(sets.size());  // and where they belong
    for (arma::uword i = 0; i < cells.n_cols; ++i) place[batch.code[i]].push_back(i);
    for (std::size_t b = 0; b < sets.size(); ++b) sets[b] = cells.cols(arma::uvec(place[b]));

    MnnResult result;
    std::vector<arma::vec> directions;
    for (std::size_t s = 1; s < options.order.size(); ++s) {
        MnnStep step;
        step.variance_removed.assign(sets.size(), 0.0);
        std::vector<double> before(sets.size());
        for (std::size_t b = 0; b < sets.size(); ++b) before[b] = variance_of(sets[b]);
        arma::mat& right = sets[options.order[s]];
        for (const arma::vec& direction : directions) remove_along(right, direction);
        const auto joined = [&] {
            arma::mat left;
            for (std::size_t t = 0; t < s; ++t) left = arma::join_rows(left, sets[options.order[t]]);
            return left;
        };
        arma::mat left = joined();
        const Pairs pairs = mutual(left, right, options.n_neighbors);
        std::set<arma::uword> in_left;
        for (const auto& [j, partners] : pairs) {
            step.n_pairs += partners.size();
            in_left.insert(partners.begin(), partners.end());
        }
        step.left_share = static_cast<double>(in_left.size()) / static_cast<double>(left.n_cols);
        step.right_share = static_cast<double>(pairs.size()) / static_cast<double>(right.n_cols);
        const arma::mat vectors = vectors_of(left, right, pairs);
        const arma::vec direction = arma::mean(vectors, 1);
        const double mean_square = arma::accu(arma::square(vectors)) / static_cast<double>(vectors.n_cols);
        step.batch_effect = mean_square > 0.0 ? arma::norm(direction) / std::sqrt(mean_square) : 0.0;
        const bool corrected = step.batch_effect >= options.min_batch_effect && step.batch_effect > 0.0;
        if (corrected) {
            remove_along(left, direction);  // along the mean of all joined batches, not batch by batch
            arma::uword first = 0;
            for (std::size_t t = 0; t < s; ++t) {
                arma::mat& set = sets[options.order[t]];
                set = left.cols(first, first + set.n_cols - 1);
                first += set.n_cols;
            }
            remove_along(right, direction);
            directions.push_back(direction);
        }
        for (std::size_t t = 0; t <= s; ++t) {
            const std::uint32_t b = options.order[t];
            if (before[b] > 0.0) step.variance_removed[b] = 1.0 - variance_of(sets[b]) / before[b];
        }
        if (corrected) move(right, pairs, vectors_of(left, right, pairs), options.n_neighbors, options.bandwidth);
        result.steps.push_back(step);
    }
    result.corrected.set_size(arma::size(cells));
    for (std::size_t b = 0; b < sets.size(); ++b) {
        for (std::size_t i = 0; i < place[b].size(); ++i) result.corrected.col(place[b][i]) = sets[b].col(i);
    }
    return result;
}

}  // namespace bcbench::reference
