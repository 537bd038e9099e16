#include "engine/metrics/silhouettes/silhouette.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/core/check.hpp"
#include "engine/core/operations.hpp"
#include "engine/core/parallel.hpp"
#include "engine/metrics/silhouettes/tiles.hpp"
#include "engine/metrics/silhouettes/value.hpp"

namespace bcbench::silhouette {

namespace {

/// The cells of each label's batches, which are numbered by their first cell. Fills what `sums` says of batches.
std::vector<std::uint32_t> order_by_label_and_batch(const Groups* batch, DistanceSums& sums) {
    std::vector<std::uint32_t> order;
    order.reserve(sums.label.of_cell.size());
    for (const std::vector<std::uint32_t>& cells : sums.label.members) {
        if (batch == nullptr) {
            order.insert(order.end(), cells.begin(), cells.end());
            continue;
        }
        const Groups among = groups_among(*batch, cells);
        sums.batch_size.emplace_back();
        for (std::uint32_t b = 0; b < among.count(); ++b) {
            sums.batch_size.back().push_back(among.members[b].size());
            for (const std::uint32_t place : among.members[b]) {
                order.push_back(cells[place]);
                sums.own_batch[cells[place]] = b;
            }
        }
    }
    return order;
}

void make_room(DistanceSums& sums) {
    const std::size_t n_cells = sums.label.of_cell.size();
    sums.to_label.zeros(sums.label.count(), n_cells);
    if (!sums.has_batches()) return;
    sums.first_batch.resize(n_cells);
    std::size_t next = 0;
    for (std::size_t i = 0; i < n_cells; ++i) {
        sums.first_batch[i] = next;
        next += sums.batch_size[sums.label.of_cell[i]].size();
    }
    sums.to_batch.assign(next, 0.0);
}

/// A tile's runs of cells of one label, and of one batch of one label.
struct TileRuns {
    std::vector<Run> of_label, of_batch;
    std::uint32_t first_label = 0, last_label = 0;
};

TileRuns runs_of(const DistanceSums& sums, const std::uint32_t* order, std::size_t size) {
    TileRuns runs;
    for (std::size_t i = 0; i < size; ++i) {
        const bool new_label = i == 0 || sums.label.of_cell[order[i]] != sums.label.of_cell[order[i - 1]];
        const bool new_batch = new_label || sums.own_batch[order[i]] != sums.own_batch[order[i - 1]];
        if (new_label) runs.of_label.push_back({i, i});
        if (new_batch) runs.of_batch.push_back({i, i});
        runs.of_label.back().last = runs.of_batch.back().last = i + 1;
    }
    runs.first_label = sums.label.of_cell[order[0]];
    runs.last_label = sums.label.of_cell[order[size - 1]];
    return runs;
}

template <class Real, class Sum>
class Pass {
  public:
    Pass(const OrderedTiles<Real>& tiles, DistanceSums& sums)
        : tiles_(tiles), sums_(sums), to_label_(tile_width * tiles.count(), sums.label.count(), arma::fill::zeros) {
        for (std::size_t tile = 0; tile < tiles.count(); ++tile) {
            runs_.push_back(runs_of(sums, cells_of_tile(tile), tiles.size(tile)));
        }
    }

    /// All pairs of tiles, in rounds in each of which a tile meets one other (the circle method of tournaments): so a
    /// tile's sums grow in one order, whatever the threads do, and no two threads touch the same.
    void run() {
        parallel_for(tiles_.count(), [&](std::size_t tile) {
            mixes_labels(tile) ? meet_itself<double>(tile) : meet_itself<Sum>(tile);
        });
        const std::size_t players = tiles_.count() + tiles_.count() % 2;  // the last may be nobody
        for (std::size_t round = 0; round + 1 < players; ++round) {
            parallel_for(players / 2, [&](std::size_t table) {
                const std::size_t circle = players - 1;
                const std::size_t a = (round + table) % circle;
                const std::size_t b = table == 0 ? circle : (round + circle - table) % circle;
                if (a >= tiles_.count() || b >= tiles_.count()) return;
                const bool precise = share_a_label(a, b) && (mixes_labels(a) || mixes_labels(b));
                precise ? meet<double>(std::min(a, b), std::max(a, b)) : meet<Sum>(std::min(a, b), std::max(a, b));
            });
        }
        for (std::size_t place = 0; place < tiles_.order.size(); ++place) {
            sums_.to_label.col(tiles_.order[place]) = to_label_.row(place).t();
        }
    }

  private:
    const std::uint32_t* cells_of_tile(std::size_t tile) const { return tiles_.order.data() + tile * tile_width; }

    bool share_a_label(std::size_t a, std::size_t b) const {
        return std::max(runs_[a].first_label, runs_[b].first_label) <=
               std::min(runs_[a].last_label, runs_[b].last_label);
    }

    bool mixes_labels(std::size_t tile) const { return runs_[tile].first_label != runs_[tile].last_label; }

    // Where labels lie far apart and each is tight, the distances inside a label are small against the extent of a tile
    // that holds cells of several. Such tiles are few, and pairs of theirs that share a label take double products.

    template <class Product>
    void meet_itself(std::size_t tile) {
        CentredTile<Product> about;
        put_about(tiles_, tile, centre_between(tiles_, tile, tile), about);
        const std::vector<Run>& runs = runs_[tile].of_batch;
        std::vector<double> none, of_tile;
        distance_sums(about, runs, about, runs, none, of_tile);
        add(tile, tile, runs, of_tile);
    }

    template <class Product>
    void meet(std::size_t a, std::size_t b) {
        const Vector<Real> centre = centre_between(tiles_, a, b);
        CentredTile<Product> about_a, about_b;
        put_about(tiles_, a, centre, about_a);
        put_about(tiles_, b, centre, about_b);
        const bool batches = share_a_label(a, b);
        const std::vector<Run>& runs_a = batches ? runs_[a].of_batch : runs_[a].of_label;
        const std::vector<Run>& runs_b = batches ? runs_[b].of_batch : runs_[b].of_label;
        std::vector<double> of_a, of_b;
        distance_sums(about_a, runs_a, about_b, runs_b, of_a, of_b);
        add(a, b, runs_b, of_a);
        add(b, a, runs_a, of_b);
    }

    /// Adds to the cells of `tile` their sums to the runs of `other`.
    void add(std::size_t tile, std::size_t other, const std::vector<Run>& runs, const std::vector<double>& more) {
        for (std::size_t r = 0; r < runs.size(); ++r) {
            const std::uint32_t met = cells_of_tile(other)[runs[r].first];
            const std::uint32_t label = sums_.label.of_cell[met];
            const double* of_run = more.data() + r * tile_width;
            double* to_label = to_label_.colptr(label) + tile * tile_width;
            for (std::size_t i = 0; i < tile_width; ++i) to_label[i] += of_run[i];
            if (!sums_.has_batches() || label < runs_[tile].first_label || label > runs_[tile].last_label) continue;
            for (std::size_t i = 0; i < tiles_.size(tile); ++i) {
                const std::uint32_t cell = cells_of_tile(tile)[i];
                if (sums_.label.of_cell[cell] != label) continue;
                sums_.to_batch[sums_.first_batch[cell] + sums_.own_batch[met]] += of_run[i];
            }
        }
    }

    const OrderedTiles<Real>& tiles_;
    DistanceSums& sums_;
    Matrix<double> to_label_;     // [places x L] as sums_.to_label, tile by tile
    std::vector<TileRuns> runs_;  // [tiles]
};

}  // namespace

template <class Real>
DistanceSums measure(const Matrix<Real>& cells, const Labels& label, const Labels& batch, const Options& options) {
    require(cells.n_cols > 0 && cells.n_rows > 0, "a silhouette needs cells with features");
    require_finite(cells, "a cell given to the silhouette");
    DistanceSums sums;
    sums.label = groups_of(label, cells.n_cols, "labels");
    sums.label_names = label.names;
    sums.own_batch.assign(cells.n_cols, 0);
    Groups batches;
    if (!batch.empty()) batches = groups_of(batch, cells.n_cols, "batches");
    std::vector<std::uint32_t> order = order_by_label_and_batch(batch.empty() ? nullptr : &batches, sums);
    make_room(sums);
    count_operations(cells.n_cols * cells.n_cols / 2, 2 * cells.n_rows);
    if (!options.in_double) {
        const OrderedTiles<Real> tiles(cells, std::move(order));
        Pass<Real, float>(tiles, sums).run();
    } else {
        const OrderedTiles<double> tiles(arma::conv_to<arma::mat>::from(cells), std::move(order));
        Pass<double, double>(tiles, sums).run();
    }
    return sums;
}

std::vector<double> label_silhouettes(const DistanceSums& sums) {
    const Groups& label = sums.label;
    require(label.count() >= 2, "a silhouette needs at least two labels");
    std::vector<double> silhouettes(label.of_cell.size(), 0.0);
    for (std::size_t i = 0; i < silhouettes.size(); ++i) {
        const std::size_t own = label.of_cell[i];
        const std::size_t own_size = label.members[own].size();
        if (own_size == 1) continue;
        double nearest = std::numeric_limits<double>::infinity();
        for (std::size_t l = 0; l < label.count(); ++l) {
            if (l == own) continue;
            nearest = std::min(nearest, sums.to_label(l, i) / static_cast<double>(label.members[l].size()));
        }
        silhouettes[i] = silhouette_value(sums.to_label(own, i) / static_cast<double>(own_size - 1), nearest);
    }
    return silhouettes;
}

MetricResult silhouette_label(const DistanceSums& sums) {
    if (sums.label.count() < 2) return not_applicable("needs at least two labels");
    MetricResult result;
    result.per_cell = label_silhouettes(sums);
    double all = 0.0;
    std::vector<GroupValue> values(sums.label.count());
    for (std::size_t l = 0; l < values.size(); ++l) {
        double sum = 0.0;
        for (const std::uint32_t i : sums.label.members[l]) sum += (result.per_cell[i] + 1.0) / 2.0;
        values[l].value = sum / static_cast<double>(sums.label.members[l].size());
        all += sum;
    }
    set_mean_over_labels(values, sums.label, sums.label_names, result);
    result.value = all / static_cast<double>(result.per_cell.size());  // over cells, not over labels
    return result;
}

namespace {

/// 1 - |s_i| between the batches of the cell's label.
double batch_score(const DistanceSums& sums, std::uint32_t i) {
    const std::vector<std::size_t>& sizes = sums.batch_size[sums.label.of_cell[i]];
    const double* to_batch = sums.to_batch.data() + sums.first_batch[i];
    const std::size_t own = sums.own_batch[i];
    if (sizes[own] == 1) return 1.0;
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < sizes.size(); ++b) {
        if (b != own) nearest = std::min(nearest, to_batch[b] / static_cast<double>(sizes[b]));
    }
    return 1.0 - std::abs(silhouette_value(to_batch[own] / static_cast<double>(sizes[own] - 1), nearest));
}

}  // namespace

MetricResult silhouette_batch(const DistanceSums& sums) {
    require(sums.has_batches(), "the silhouette of batches needs sums that were measured with batches");
    MetricResult result;
    result.per_cell.assign(sums.label.of_cell.size(), std::numeric_limits<double>::quiet_NaN());
    std::vector<GroupValue> values(sums.label.count());
    for (std::size_t l = 0; l < values.size(); ++l) {
        const std::vector<std::uint32_t>& cells = sums.label.members[l];
        values[l].reason = without_batch_silhouette(sums.batch_size[l].size(), cells.size());
        if (!values[l].reason.empty()) continue;
        double sum = 0.0;
        for (const std::uint32_t i : cells) sum += result.per_cell[i] = batch_score(sums, i);
        values[l].value = sum / static_cast<double>(cells.size());
    }
    set_mean_over_labels(values, sums.label, sums.label_names, result);
    if (!result.value) result.reason = "no label occurs in two batches, one of them with two cells of it";
    return result;
}

template DistanceSums measure(const Matrix<float>&, const Labels&, const Labels&, const Options&);
template DistanceSums measure(const Matrix<double>&, const Labels&, const Labels&, const Options&);

}  // namespace bcbench::silhouette
