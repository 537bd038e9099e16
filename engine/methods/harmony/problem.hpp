// What does not change during a run of harmony: levels, combinations of levels, shares, penalties, and the order in
// which cells are walked.
#pragma once

#include <span>
#include <vector>

#include "engine/methods/harmony/method.hpp"
#include "engine/methods/harmony/tile.hpp"

namespace bcbench::harmony {

/// Neighbouring positions of one combination of levels, at most tile_width.
struct Tile {
    std::uint32_t combination;
    std::uint32_t first;
    std::uint32_t count;
};

/// Tiles of one combination that one partial sum covers.
struct Segment {
    std::uint32_t combination;
    std::uint32_t first_tile;
    std::uint32_t n_tiles;
};

/// Cells sorted by their combination of levels, one level per covariate: a position is a place in this order.
struct Levels {
    std::vector<Level> levels;                  // [B], covariate after covariate; those without cells are left out
    std::vector<std::uint32_t> first_level;     // [C + 1] where each covariate's levels begin
    std::vector<std::uint32_t> combinations;    // [C x G] levels of combination g at g * C; cells have no others
    std::vector<std::uint32_t> first_position;  // [G + 1] where each combination's cells begin
    std::vector<std::uint32_t> order;           // [n] cell at a position; cells of a combination ascend
    std::vector<std::uint32_t> combination_of;  // [n] of a position
    std::vector<Tile> tiles;
    std::vector<Segment> segments;

    std::size_t n_cells() const { return order.size(); }
    std::size_t n_covariates() const { return first_level.size() - 1; }
    std::size_t n_combinations() const { return first_position.size() - 1; }
    const std::uint32_t* levels_of(std::size_t combination) const {
        return combinations.data() + combination * n_covariates();
    }
};

/// Refuses labels that are missing or continuous, naming the covariate and the row.
Levels make_levels(std::size_t n_cells, std::span<const Labels> covariates);

struct Problem {
    Levels levels;
    std::size_t n_features = 0;
    std::size_t n_clusters = 0;
    std::vector<double> share;       // [B] p_b
    std::vector<double> theta;       // [B] after tau
    std::vector<double> lambda;      // [B], or empty: automatic
    std::vector<double> sigma;       // [K]
    std::vector<char> is_reference;  // [B]
    double block_size = 0.05;
    std::int64_t max_rounds = 4;
    std::vector<std::string> notes;
};

/// The options made concrete for these cells. Throws as validate does.
Problem make_problem(const Options& options, std::size_t n_features, Levels levels);

/// One value per level from one, one per covariate or one per level.
std::vector<double> per_level(const std::vector<double>& values, const Levels& levels, const char* what);

}  // namespace bcbench::harmony
