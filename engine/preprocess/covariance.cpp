#include "engine/preprocess/covariance.hpp"

#include <numeric>

#include "engine/core/operations.hpp"
#include "engine/linear/products.hpp"

namespace bcbench::preprocess {

namespace {

using arma::uword;

constexpr std::size_t cells_at_a_time = 512;  // their entries stay in the cache while all features go over them
constexpr uword columns_at_a_time = 128;
constexpr double filled_share = 0.15;  // where more is stored, a dense product is faster, zeros and all

// Features in the order in which they are worked on: those that are filled, then the others.
struct Places {
    std::vector<std::uint32_t> of_feature;  // [F]
    uword n_filled = 0;
};

Places places_of(const Cells& cells) {
    Places places{std::vector<std::uint32_t>(cells.n_features()), cells.n_features()};
    std::iota(places.of_feature.begin(), places.of_feature.end(), std::uint32_t{0});
    if (!cells.is_sparse) return places;
    std::vector<std::size_t> count(cells.n_features());
    for (const std::uint32_t f : cells.sparse.feature) ++count[f];
    const auto is_filled = [&](std::uint32_t f) {
        return static_cast<double>(count[f]) > filled_share * static_cast<double>(cells.n_cells());
    };
    std::vector<std::uint32_t> order = places.of_feature;
    const auto end = std::stable_partition(order.begin(), order.end(), is_filled);
    places.n_filled = static_cast<uword>(end - order.begin());
    for (std::uint32_t p = 0; p < order.size(); ++p) places.of_feature[order[p]] = p;
    return places;
}

// Some of the cells, as the sums need them.
struct Tile {
    arma::mat filled;  // [cells x n_filled]; of dense cells less the mean
    // of sparse cells also all entries, cell after cell, by place, the filled features among them in any order, ...
    std::vector<std::uint32_t> start;  // [cells + 1]
    std::vector<std::uint32_t> place;  // [entries]
    std::vector<double> value;         // [entries]
    // ... and the entries of the features that are not filled once more, feature after feature
    std::vector<std::uint32_t> start_of_feature;  // [F - n_filled + 1]
    std::vector<std::uint32_t> cell, entry;       // whose, and where in `value`
};

void take_entries(const SparseCells<double>& sparse, const Places& places, std::size_t first, std::size_t count,
                  Tile& tile) {
    const auto n_filled = static_cast<std::uint32_t>(places.n_filled);
    tile.filled.zeros(count, places.n_filled);
    tile.start.assign(1, 0);
    tile.place.clear();
    tile.value.clear();
    std::vector<std::uint32_t> next(places.of_feature.size() - n_filled + 1, 0);  // first how many there are
    for (std::size_t i = 0; i < count; ++i) {
        for (const bool is_filled : {true, false}) {
            for (std::uint64_t j = sparse.start[first + i]; j < sparse.start[first + i + 1]; ++j) {
                const std::uint32_t place = places.of_feature[sparse.feature[j]];
                if ((place < n_filled) != is_filled) continue;
                tile.place.push_back(place);
                tile.value.push_back(sparse.value[j]);
                if (is_filled)
                    tile.filled(i, place) = sparse.value[j];
                else
                    ++next[place - n_filled + 1];
            }
        }
        tile.start.push_back(static_cast<std::uint32_t>(tile.place.size()));
    }
    std::partial_sum(next.begin(), next.end(), next.begin());
    tile.start_of_feature = next;
    tile.cell.resize(next.back());
    tile.entry.resize(next.back());
    for (std::uint32_t i = 0; i < count; ++i) {
        for (std::uint32_t j = tile.start[i]; j < tile.start[i + 1]; ++j) {
            if (tile.place[j] < n_filled) continue;
            const std::uint32_t at = next[tile.place[j] - n_filled]++;
            tile.cell[at] = i;
            tile.entry[at] = j;
        }
    }
}

void take_cells(const Cells& cells, const arma::vec& mean, const Places& places, std::size_t first, Tile& tile) {
    const std::size_t count = std::min(cells_at_a_time, cells.n_cells() - first);
    if (cells.is_sparse) return take_entries(cells.sparse, places, first, count, tile);
    tile.filled = columns(cells.dense, first, count).t();
    tile.filled.each_row() -= mean.t();
}

// Adds to the columns of filled features, as far as the diagonal.
void add_filled(const Tile& tile, uword first, uword count, arma::mat& sum) {
    const uword end = first + count;
    sum.submat(0, first, end - 1, end - 1) += columns(tile.filled, 0, end).t() * columns(tile.filled, first, count);
}

// Adds to the columns of features that are not filled, `first` and `count` counted among these.
void add_entries(const Tile& tile, uword n_filled, uword first, uword count, arma::mat& sum) {
    for (uword f = first; f < first + count; ++f) {
        double* column = sum.colptr(n_filled + f);
        for (std::uint32_t at = tile.start_of_feature[f]; at < tile.start_of_feature[f + 1]; ++at) {
            const std::uint32_t last = tile.entry[at];
            const double value = tile.value[last];
            for (std::uint32_t j = tile.start[tile.cell[at]]; j <= last; ++j)
                column[tile.place[j]] += tile.value[j] * value;
        }
    }
}

}  // namespace

arma::mat covariance(const Cells& cells, const arma::vec& mean) {
    const uword n_features = cells.n_features();
    const Places places = places_of(cells);
    const Tiles filled{places.n_filled, columns_at_a_time}, others{n_features - places.n_filled, columns_at_a_time};
    arma::mat sum(n_features, n_features, arma::fill::zeros);  // by place; on and above the diagonal
    Tile tile;
    for (std::size_t first = 0; first < cells.n_cells(); first += cells_at_a_time) {
        take_cells(cells, mean, places, first, tile);
        parallel_for(filled.count() + others.count(), [&](std::size_t part) {
            if (part < filled.count()) {
                add_filled(tile, filled.first(part), filled.size(part), sum);
            } else {
                const std::size_t other = part - filled.count();
                add_entries(tile, places.n_filled, others.first(other), others.size(other), sum);
            }
        });
    }
    count_operations(cells.n_cells(), places.n_filled * places.n_filled);

    const auto n = static_cast<double>(cells.n_cells());
    const double still_there = cells.is_sparse ? n : 0.0;  // of mean mean^T
    arma::mat result(n_features, n_features, arma::fill::none);
    for_each_cell(n_features, [&](std::size_t f) {
        for (uword g = 0; g < n_features; ++g) {
            const auto [low, high] = std::minmax(places.of_feature[f], places.of_feature[g]);
            result(g, f) = (sum(low, high) - still_there * (mean[f] * mean[g])) / (n - 1.0);
        }
    });
    return result;
}

}  // namespace bcbench::preprocess
