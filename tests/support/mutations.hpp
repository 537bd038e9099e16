// Files with bytes changed or cut off at random, for tests of readers.
//   BCBENCH_MUTATIONS=N        so many of each kind (default 12)
//   BCBENCH_MUTATIONS_SEED=S   other ones
//   BCBENCH_MUTATIONS_KEEP=DIR keeps each that was read without fault although it is another file, beside what was
//                              read, for harness/h5ad/compare_mutations.py, which asks other readers
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "engine/core/types.hpp"

namespace bcbench::testing {

using Generator = std::mt19937_64;

inline std::size_t number_of(const char* variable, std::size_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoul(text);
}

inline std::size_t mutations_of_each_kind() { return number_of("BCBENCH_MUTATIONS", 12); }
inline Generator mutation_generator() { return Generator(number_of("BCBENCH_MUTATIONS_SEED", 1)); }

inline constexpr int mutation_kinds = 7;

inline std::string mutated(std::string bytes, int kind, Generator& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const std::size_t head = std::min<std::size_t>(bytes.size(), 8192);
    const auto change = [&](std::size_t at) { bytes[at] = static_cast<char>(random()); };
    const auto flip = [&](std::size_t at) { bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); };
    switch (kind) {
        case 0:
            bytes.resize(below(bytes.size()));
            break;
        case 1:
            for (std::size_t i = 1 + below(3); i > 0; --i) change(below(head));
            break;
        case 2:
            for (std::size_t i = 1 + below(8); i > 0; --i) change(below(bytes.size()));
            break;
        case 3:
            flip(below(bytes.size()));
            break;
        case 4: {  // a run of zeros or ones
            const std::size_t at = below(bytes.size()), count = std::min(1 + below(64), bytes.size() - at);
            bytes.replace(at, count, std::string(count, below(2) != 0 ? '\xff' : '\0'));
            break;
        }
        case 5:  // one of the file's own bytes in another place: text stays text
            bytes[below(bytes.size())] = bytes[below(bytes.size())];
            break;
        default: {  // a piece of the file in another place
            const std::size_t from = below(bytes.size()), to = below(bytes.size());
            const std::size_t count = std::min({1 + below(256), bytes.size() - from, bytes.size() - to});
            bytes.replace(to, count, bytes.substr(from, count));
        }
    }
    return bytes;
}

/// The folder of BCBENCH_MUTATIONS_KEEP, and numbered names in it.
class KeptMutations {
  public:
    bool wanted() const { return folder_ != nullptr; }
    /// A file called `name`, which may have folders, with `bytes`; the next ones have another number.
    void add(const std::string& name, const std::string& bytes) {
        const std::filesystem::path path = path_of(name);
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
    }
    void next() { ++number_; }
    std::filesystem::path path_of(const std::string& name) const {
        return std::filesystem::path(folder_) / (std::to_string(number_) + name);
    }

  private:
    const char* folder_ = std::getenv("BCBENCH_MUTATIONS_KEEP");
    std::size_t number_ = 0;
};

/// [F x n] as a list of cells.
template <class Real>
nlohmann::json rows_as_json(const Matrix<Real>& cells) {
    nlohmann::json rows = nlohmann::json::array();
    for (arma::uword i = 0; i < cells.n_cols; ++i)
        rows.push_back(std::vector<Real>(cells.begin_col(i), cells.end_col(i)));
    return rows;
}

}  // namespace bcbench::testing
