#include "engine/neighbors/ties.hpp"

#include <algorithm>
#include <numeric>

#include "engine/core/check.hpp"
#include "engine/neighbors/cross_neighbors.hpp"

namespace bcbench {

namespace {

using arma::uword;

constexpr uword most_found_at_once = uword{1} << 24;  // neighbours held at a time while ties are looked for

// Cells whose k-th distance is also the next one's.
std::vector<Tie> tied_cells(const Neighbors& neighbors, uword k) {
    std::vector<Tie> tied;
    for (uword i = 0; i < neighbors.index.n_cols; ++i) {
        const double* squared = neighbors.squared_distance.colptr(i);
        if (squared[k] != squared[k - 1]) continue;
        const auto closer = std::lower_bound(squared, squared + k, squared[k - 1]) - squared;
        tied.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(closer), 0, squared[k - 1] == 0.0});
    }
    return tied;
}

// Gives equal cells the same set, and returns one tied cell of each.
template <class Real>
std::vector<Tie> one_of_each(const Matrix<Real>& cells, std::vector<Tie>& tied) {
    std::vector<std::size_t> order(tied.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto entries = [&](std::size_t t) { return cells.colptr(tied[t].cell); };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const Real *x = entries(a), *y = entries(b);
        const auto [p, q] = std::mismatch(x, x + cells.n_rows, y);
        return p == x + cells.n_rows ? a < b : *p < *q;
    });
    std::vector<Tie> first;
    for (std::size_t place = 0; place < order.size(); ++place) {
        Tie& tie = tied[order[place]];
        const Real* x = entries(order[place]);
        if (place == 0 || !std::equal(x, x + cells.n_rows, entries(order[place - 1]))) {
            first.push_back(tie);
            first.back().set = static_cast<std::uint32_t>(first.size() - 1);
        }
        tie.set = first.back().set;
    }
    return first;
}

// The `wide` cells nearest to each of `ties`, these included. Fills the sets that lie within, and returns the ties
// whose sets may reach further.
template <class Real>
std::vector<Tie> look_among(const Matrix<Real>& cells, const Neighbors& neighbors, uword k, uword wide,
                            const std::vector<Tie>& ties, std::vector<std::vector<std::uint32_t>>& sets) {
    std::vector<Tie> open;
    const uword at_once = std::max<uword>(1, most_found_at_once / wide);
    for (uword first = 0; first < ties.size(); first += at_once) {
        const uword count = std::min<uword>(at_once, ties.size() - first);
        Matrix<Real> queries(cells.n_rows, count);
        for (uword q = 0; q < count; ++q) queries.col(q) = cells.col(ties[first + q].cell);
        const Neighbors found = nearest_neighbors_among(cells, queries, wide);
        for (uword q = 0; q < count; ++q) {
            const Tie& tie = ties[first + q];
            const double squared = neighbors.squared_distance(k - 1, tie.cell);
            if (wide < cells.n_cols && found.squared_distance(wide - 1, q) <= squared) {
                open.push_back(tie);
                continue;
            }
            std::vector<std::uint32_t>& set = sets[tie.set];
            for (uword r = 0; r < wide; ++r) {
                if (found.squared_distance(r, q) == squared) set.push_back(found.index(r, q));
            }
            std::sort(set.begin(), set.end());
        }
    }
    return open;
}

}  // namespace

double Ties::share_of_pairs(uword n_cells) const {
    double pairs = 0.0;
    for (const Tie& tie : cells) pairs += static_cast<double>(rivals(tie));
    const auto n = static_cast<double>(n_cells);
    return n_cells < 2 ? 0.0 : pairs / (n * (n - 1.0));
}

template <class Real>
Ties ties_at(const Matrix<Real>& cells, const Neighbors& neighbors, uword k) {
    if (k == 0 || k + 1 >= cells.n_cols) return {};
    require(neighbors.index.n_rows > k, "ties at the k-th distance show in one neighbour more than k");
    Ties ties{tied_cells(neighbors, k), {}};
    std::vector<Tie> open = one_of_each(cells, ties.cells);
    ties.sets.resize(open.size());
    for (uword wide = 2 * (k + 1); !open.empty(); wide *= 4) {
        open = look_among(cells, neighbors, k, std::min<uword>(wide, cells.n_cols), open, ties.sets);
    }
    return ties;
}

template <class Real>
TiedNeighbors tied_neighbors(const Matrix<Real>& cells, uword k) {
    const uword others = cells.n_cols - 1;
    TiedNeighbors found;
    found.k = std::min(k, others);
    found.all = nearest_neighbors(cells, std::min(k + 1, others));
    found.ties = ties_at(cells, found.all, found.k);
    return found;
}

TiedLabels::TiedLabels(const Ties& ties, const std::vector<std::uint32_t>& code, std::size_t n_labels)
    : ties_(&ties), code_(&code), of_set_(ties.sets.size(), std::vector<double>(n_labels, 0.0)) {
    for (std::size_t s = 0; s < of_set_.size(); ++s) {
        for (const std::uint32_t cell : ties.sets[s]) of_set_[s][code[cell]] += 1.0;
    }
}

void TiedLabels::count(const NeighborsView& neighbors, const Tie& tie, std::vector<double>& counts) const {
    const std::vector<double>& tied = of_set_[tie.set];
    const double room = static_cast<double>(neighbors.k() - tie.closer) / static_cast<double>(ties_->rivals(tie));
    counts = tied;
    if (tie.holds_itself) counts[(*code_)[tie.cell]] -= 1.0;
    for (double& count : counts) count *= room;
    for (std::uint32_t r = 0; r < tie.closer; ++r) counts[(*code_)[neighbors.index(tie.cell)[r]]] += 1.0;
}

template Ties ties_at(const Matrix<float>&, const Neighbors&, uword);
template Ties ties_at(const Matrix<double>&, const Neighbors&, uword);
template TiedNeighbors tied_neighbors(const Matrix<float>&, uword);
template TiedNeighbors tied_neighbors(const Matrix<double>&, uword);

}  // namespace bcbench
