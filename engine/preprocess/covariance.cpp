#include "engine/preprocess/covariance.hpp"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <numeric>

#include "engine/core/operations.hpp"
#include "engine/linear/products.hpp"

// This file is compiled once per instruction set; Highway picks the best one when the program starts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/preprocess/covariance.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef BCBENCH_COVARIANCE_ONCE  // what all instruction sets share
#define BCBENCH_COVARIANCE_ONCE
namespace bcbench::preprocess::pairs {

constexpr std::size_t cells_at_a_time = 256;  // their values of a panel stay in the cache
constexpr std::size_t panel_features = 32;    // as many sums as the registers hold

/// Some of the cells, twice over: with their zeros, panel after panel of features, and by their entries, feature after
/// feature. Features go by their place in the order of work.
struct Tile {
    hwy::AlignedFreeUniquePtr<double[]> panels;  // [panel_features x cells_at_a_time] each
    std::vector<std::uint32_t> start;            // [F + 1] of the entries of a feature
    std::vector<std::uint32_t> cell;             // [entries] ascending within a feature
    std::vector<double> value;                   // [entries]
};

}  // namespace bcbench::preprocess::pairs
#endif

HWY_BEFORE_NAMESPACE();
namespace bcbench::preprocess::pairs::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// sum(g, f) += sum over the cells of x_g x_f, of every feature g of the panel and f from its first one on. An entry of
/// f meets the zeros of a panel as well: they cost less than finding out where they are.
void add_panel(const Tile& tile, std::size_t panel, double* HWY_RESTRICT sum, std::size_t n_rows) {
    const hn::ScalableTag<double> d;
    constexpr std::size_t n_vectors = panel_features / HWY_LANES(double);
    const double* values = tile.panels.get() + panel * panel_features * cells_at_a_time;
    for (std::size_t f = panel * panel_features; f + 1 < tile.start.size(); ++f) {
        double* out = sum + f * n_rows + panel * panel_features;
        hn::Vec<decltype(d)> sums[n_vectors];
        for (std::size_t v = 0; v < n_vectors; ++v) sums[v] = hn::LoadU(d, out + v * HWY_LANES(double));
        for (std::uint32_t j = tile.start[f]; j < tile.start[f + 1]; ++j) {
            const double* row = values + tile.cell[j] * panel_features;
            const auto x = hn::Set(d, tile.value[j]);
            for (std::size_t v = 0; v < n_vectors; ++v)
                sums[v] = hn::MulAdd(hn::Load(d, row + v * HWY_LANES(double)), x, sums[v]);
        }
        for (std::size_t v = 0; v < n_vectors; ++v) hn::StoreU(sums[v], d, out + v * HWY_LANES(double));
    }
}

}  // namespace bcbench::preprocess::pairs::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bcbench::preprocess {

namespace pairs {
HWY_EXPORT(add_panel);
}

namespace {

using arma::uword;
using pairs::cells_at_a_time;
using pairs::panel_features;

constexpr uword columns_at_a_time = 128;

// The place of each feature in the order of work: those with most entries first, where they meet fewest others.
std::vector<std::uint32_t> places_of(const SparseCells<double>& cells) {
    std::vector<std::size_t> count(cells.n_features);
    for (const std::uint32_t f : cells.feature) ++count[f];
    std::vector<std::uint32_t> order(cells.n_features), place(cells.n_features);
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t f, std::uint32_t g) { return count[f] > count[g]; });
    for (std::uint32_t p = 0; p < order.size(); ++p) place[order[p]] = p;
    return place;
}

// Into a tile whose panels are all zero.
void take_cells(const SparseCells<double>& cells, const std::vector<std::uint32_t>& place, std::size_t first,
                pairs::Tile& tile) {
    const std::size_t end = std::min(first + cells_at_a_time, cells.n_cells());
    std::vector<std::uint32_t> next(place.size() + 1, 0);  // first how many there are
    for (std::uint64_t j = cells.start[first]; j < cells.start[end]; ++j) ++next[place[cells.feature[j]] + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    tile.start = next;
    tile.cell.resize(next.back());
    tile.value.resize(next.back());
    for (std::size_t i = first; i < end; ++i) {
        const auto cell = static_cast<std::uint32_t>(i - first);
        for (std::uint64_t j = cells.start[i]; j < cells.start[i + 1]; ++j) {
            const std::size_t p = place[cells.feature[j]], panel = p / panel_features;
            tile.panels[(panel * cells_at_a_time + cell) * panel_features + p % panel_features] = cells.value[j];
            const std::uint32_t at = next[p]++;
            tile.cell[at] = cell;
            tile.value[at] = cells.value[j];
        }
    }
}

// The sums of x_g x_f over all cells, by place. [panels x F]
arma::mat sums_of_pairs(const SparseCells<double>& cells, const std::vector<std::uint32_t>& place) {
    const Tiles panels{cells.n_features, panel_features};
    arma::mat sum(panels.count() * panel_features, cells.n_features, arma::fill::zeros);
    pairs::Tile tile{hwy::AllocateAligned<double>(sum.n_rows * cells_at_a_time), {}, {}, {}};
    if (!tile.panels) throw std::bad_alloc();
    for (std::size_t first = 0; first < cells.n_cells(); first += cells_at_a_time) {
        std::fill_n(tile.panels.get(), sum.n_rows * cells_at_a_time, 0.0);
        take_cells(cells, place, first, tile);
        parallel_for(panels.count(), [&](std::size_t panel) {
            HWY_DYNAMIC_DISPATCH(pairs::add_panel)(tile, panel, sum.memptr(), sum.n_rows);
        });
    }
    parallel_for(panels.count(), [&](std::size_t panel) {  // what lies below the diagonal
        const uword first = panels.first(panel), end = first + panels.size(panel);
        for (uword f = first; f < sum.n_cols; ++f)
            for (uword g = first; g < std::min(end, f); ++g) sum(f, g) = sum(g, f);
    });
    count_operations(cells.n_entries(), cells.n_features);
    return sum;
}

arma::mat covariance(const SparseCells<double>& cells, const arma::vec& mean) {
    const std::vector<std::uint32_t> place = places_of(cells);
    const arma::mat sum = sums_of_pairs(cells, place);
    const auto n = static_cast<double>(cells.n_cells());
    arma::mat result(cells.n_features, cells.n_features, arma::fill::none);
    for_each_cell(cells.n_features, [&](std::size_t f) {
        const double* column = sum.colptr(place[f]);
        for (uword g = 0; g < result.n_rows; ++g)
            result(g, f) = (column[place[g]] - n * (mean[f] * mean[g])) / (n - 1.0);
    });
    return result;
}

arma::mat covariance(const arma::mat& cells, const arma::vec& mean) {
    const Tiles tiles{cells.n_cols, cells_at_a_time}, blocks{cells.n_rows, columns_at_a_time};
    arma::mat sum(cells.n_rows, cells.n_rows, arma::fill::zeros);
    for (std::size_t t = 0; t < tiles.count(); ++t) {
        arma::mat tile = columns(cells, tiles.first(t), tiles.size(t)).t();
        tile.each_row() -= mean.t();
        parallel_for(blocks.count(), [&](std::size_t block) {  // as far as the diagonal
            const uword first = blocks.first(block), count = blocks.size(block), end = first + count;
            sum.submat(0, first, end - 1, end - 1) += columns(tile, 0, end).t() * columns(tile, first, count);
        });
    }
    count_operations(cells.n_cols, cells.n_rows * cells.n_rows);
    return arma::symmatu(sum) / (static_cast<double>(cells.n_cols) - 1.0);
}

}  // namespace

arma::mat covariance(const Cells& cells, const arma::vec& mean) {
    return cells.is_sparse ? covariance(cells.sparse, mean) : covariance(cells.dense, mean);
}

}  // namespace bcbench::preprocess
#endif  // HWY_ONCE
