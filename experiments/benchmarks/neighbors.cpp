// Exact 10 nearest neighbours in 50 features, float32: implementations x data x cells x threads. An
// implementation is timed only after its answer has been checked against the definition.
#include "engine/neighbors/neighbors.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#ifdef BCBENCH_WITH_FAISS
#include <faiss/IndexFlat.h>
#endif

#include "engine/core/random.hpp"
#include "engine/reference/neighbors.hpp"
#include "experiments/benchmarks/benchmarks.hpp"

namespace bcbench::benchmarks {

namespace {

constexpr arma::uword n_neighbors = 10;
constexpr arma::uword n_features = 50;
constexpr arma::uword checked_cells = 100;

using Index = arma::Mat<std::uint32_t>;  // [k x n]

Index reference_search(const Matrix<float>& cells) {
    return reference::nearest_neighbors(arma::conv_to<arma::mat>::from(cells), n_neighbors);
}

Index engine_search(const Matrix<float>& cells) { return nearest_neighbors(cells, n_neighbors).index; }

#ifdef BCBENCH_WITH_FAISS
Index faiss_search(const Matrix<float>& cells) {
    const auto n = static_cast<faiss::Index::idx_t>(cells.n_cols);
    constexpr auto k = static_cast<faiss::Index::idx_t>(n_neighbors + 1);  // the cell itself is among them
    faiss::IndexFlatL2 flat(static_cast<faiss::Index::idx_t>(n_features));
    flat.add(n, cells.memptr());
    Matrix<float> distance(n_neighbors + 1, cells.n_cols);
    arma::Mat<faiss::Index::idx_t> found(n_neighbors + 1, cells.n_cols);
    flat.search(n, cells.memptr(), k, distance.memptr(), found.memptr());
    Index index(n_neighbors, cells.n_cols);
    for (arma::uword i = 0; i < cells.n_cols; ++i) {
        arma::uword kept = 0;
        for (arma::uword r = 0; r <= n_neighbors && kept < n_neighbors; ++r) {
            const auto neighbor = static_cast<arma::uword>(found(r, i));
            if (neighbor != i) index(kept++, i) = static_cast<std::uint32_t>(neighbor);
        }
    }
    return index;
}
#else
constexpr Index (*faiss_search)(const Matrix<float>&) = nullptr;
#endif

struct Implementation {
    const char* name;
    Index (*search)(const Matrix<float>&);  // null: not in this build
    bool exact;                             // else right but for the rounding of float32 distances
    std::vector<arma::uword> sizes;         // cells
};

/// The reference sorts all distances of a cell and is too slow for more cells.
const std::vector<Implementation>& implementations() {
    static const std::vector<Implementation> table = {
        {"reference", reference_search, true, {1000, 2000, 4000}},
        {"engine", engine_search, true, {1000, 2000, 4000, 12500, 25000, 50000}},
        {"faiss_flat", faiss_search, false, {12500, 25000, 50000}},
    };
    return table;
}

Matrix<float> gaussian(arma::uword n) { return normal(make_key(1), n_features, n); }

/// 20 unit Gaussian clusters whose centres are about 40 apart.
Matrix<float> clustered(arma::uword n) {
    Matrix<float> cells = gaussian(n);
    const Matrix<float> centres = 4.0F * normal(make_key(2), n_features, 20);
    for (arma::uword i = 0; i < n; ++i) cells.col(i) += centres.col(i % 20);
    return cells;
}

struct Data {
    const char* name;
    Matrix<float> (*cells)(arma::uword n);  // [F x n]
};

constexpr Data data_sets[] = {{"gaussian", gaussian}, {"clustered", clustered}};

double squared_distance(const Matrix<float>& cells, arma::uword i, arma::uword j) {
    double sum = 0.0;
    for (arma::uword f = 0; f < cells.n_rows; ++f) {
        const double difference = static_cast<double>(cells(f, i)) - static_cast<double>(cells(f, j));
        sum += difference * difference;
    }
    return sum;
}

/// The neighbours of some cells by the definition: {squared distance, cell}, nearest first.
using Answers = std::map<arma::uword, std::vector<std::pair<double, arma::uword>>>;

Answers defined_answers(const Matrix<float>& cells) {
    Answers answers;
    const arma::uword step = std::max<arma::uword>(1, cells.n_cols / checked_cells);
    for (arma::uword i = 0; i < cells.n_cols; i += step) {
        auto& nearest = answers[i];
        for (arma::uword j = 0; j < cells.n_cols; ++j) {
            if (j != i) nearest.emplace_back(squared_distance(cells, i, j), j);
        }
        std::partial_sort(nearest.begin(), nearest.begin() + n_neighbors, nearest.end());
        nearest.resize(n_neighbors);
    }
    return answers;
}

/// What is wrong with `index`, or nothing.
std::string fault(const Matrix<float>& cells, const Index& index, const Answers& answers, bool exact) {
    for (const auto& [cell, nearest] : answers) {
        for (arma::uword r = 0; r < n_neighbors; ++r) {
            const double found = squared_distance(cells, cell, index(r, cell));
            const double right = nearest[r].first;
            const bool same = exact ? index(r, cell) == nearest[r].second : std::abs(found - right) <= 1e-4 * right;
            if (!same) return "wrong neighbour " + std::to_string(r) + " of cell " + std::to_string(cell);
        }
    }
    return {};
}

/// Checks each case once, however often it is repeated.
const std::string& checked_fault(const Implementation& implementation, const Data& data, const Matrix<float>& cells) {
    static std::map<std::string, std::string> faults;
    const std::string name = std::string(implementation.name) + data.name + std::to_string(cells.n_cols);
    const auto known = faults.find(name);
    if (known != faults.end()) return known->second;
    const Index index = implementation.search(cells);
    return faults[name] = fault(cells, index, defined_answers(cells), implementation.exact);
}

void search(benchmark::State& state, const Implementation& implementation, const Data& data, unsigned threads) {
    if (implementation.search == nullptr) {
        state.SkipWithError("FAISS was not found when this program was built (Debian: libfaiss-dev)");
        return;
    }
    const auto n = static_cast<arma::uword>(state.range(0));
    const double limit = product_rate<float>(threads);
    use_threads(threads, implementation.search == faiss_search ? threads : 1);
    const Matrix<float> cells = data.cells(n);
    const std::string& wrong = checked_fault(implementation, data, cells);
    if (!wrong.empty()) {
        state.SkipWithError(("not timed, the answer is wrong: " + wrong).c_str());
        return;
    }
    for (auto _ : state) {
        const Index index = implementation.search(cells);
        benchmark::DoNotOptimize(index.memptr());
    }
    // The same work for all: the products of every ordered pair. A search that meets each pair once does half
    // of it.
    const double flops = 2.0 * static_cast<double>(n * n * n_features);
    using benchmark::Counter;
    state.counters["FLOP/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
    state.counters["cells/s"] = Counter(static_cast<double>(n), Counter::kIsIterationInvariantRate);
    state.counters["of_product_rate"] = Counter(flops / limit, Counter::kIsIterationInvariantRate);
}

/// The engine against FAISS, timed in turn.
void search_against_faiss(benchmark::State& state, const Data& data, unsigned threads) {
    const Matrix<float> cells = data.cells(static_cast<arma::uword>(state.range(0)));
    for (const Implementation& implementation : implementations()) {
        if (implementation.search == reference_search) continue;
        use_threads(threads, implementation.search == faiss_search ? threads : 1);
        const std::string& wrong = checked_fault(implementation, data, cells);
        if (!wrong.empty()) {
            state.SkipWithError(("not timed, the answer is wrong: " + wrong).c_str());
            return;
        }
    }
    const auto run = [&](Index (*search)(const Matrix<float>&)) {
        return [&cells, search, threads] {
            use_threads(threads, search == faiss_search ? threads : 1);
            const Index index = search(cells);
            benchmark::DoNotOptimize(index.memptr());
        };
    };
    time_in_turn(state, "times_faiss", run(engine_search), run(faiss_search));
}

}  // namespace

void register_neighbors() {
    for (const Data& data : data_sets) {
        for (const unsigned threads : {1U, 2U}) {
            if (implementations().back().search == nullptr) continue;  // not in this build
            const std::string name =
                std::string("neighbors/engine_against_faiss/") + data.name + "/threads:" + std::to_string(threads);
            benchmark::RegisterBenchmark(name.c_str(), search_against_faiss, data, threads)
                ->ArgName("n")
                ->Arg(50000)
                ->UseManualTime()
                ->Unit(benchmark::kMillisecond);
        }
    }
    for (const Implementation& implementation : implementations()) {
        for (const Data& data : data_sets) {
            for (const unsigned threads : {1U, 2U}) {
                if (threads > 1 && implementation.search == reference_search) continue;
                const std::string name = std::string("neighbors/") + implementation.name + "/" + data.name +
                                         "/threads:" + std::to_string(threads);
                auto* cases = benchmark::RegisterBenchmark(name.c_str(), search, implementation, data, threads);
                for (const arma::uword n : implementation.sizes) cases->Arg(static_cast<std::int64_t>(n));
                cases->ArgName("n")->UseRealTime()->Unit(benchmark::kMillisecond);
            }
        }
    }
}

}  // namespace bcbench::benchmarks
