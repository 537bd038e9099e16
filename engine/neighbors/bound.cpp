#include "engine/neighbors/bound.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/neighbors/filter.hpp"
#include "engine/neighbors/largest.hpp"

namespace bcbench::neighbor_search {

template <class Real>
std::vector<double> worst_among(const CellTiles<Real>& tiles, std::size_t tile, const CellTiles<Real>& others,
                                const std::vector<std::size_t>& near, std::size_t k) {
    const std::size_t size = tiles.size(tile);
    std::vector<double> worst(tile_width, 0.0);
    std::fill_n(worst.begin(), size, std::numeric_limits<double>::infinity());
    const Grid<Real> grid = common_grid(tiles, tile, others, near);
    if (grid.scale == Real(0)) return worst;
    GridTile own, other;
    put_on_grid(tiles, tile, grid, own);
    std::vector<Largest> nearest(size, Largest(k, tile_width));  // of minus half the squared distances
    std::vector<std::int32_t> rows(8 * tile_width);
    for (const std::size_t t : near) {
        put_on_grid(others, t, grid, other);
        for (std::size_t first = 0; first < size; first += 8) {
            grid_distances_of_eight(own, first, other, rows.data());
            for (std::size_t i = first; i < std::min(first + 8, size); ++i) {
                nearest[i].offer(rows.data() + (i - first) * tile_width, others.size(t));
            }
        }
    }
    for (std::size_t i = 0; i < size; ++i) {
        if (nearest[i].complete()) worst[i] = distance_within(nearest[i].bound(), grid);
    }
    return worst;
}

template std::vector<double> worst_among(const CellTiles<float>&, std::size_t, const CellTiles<float>&,
                                         const std::vector<std::size_t>&, std::size_t);
template std::vector<double> worst_among(const CellTiles<double>&, std::size_t, const CellTiles<double>&,
                                         const std::vector<std::size_t>&, std::size_t);

}  // namespace bcbench::neighbor_search
