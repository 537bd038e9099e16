// What the tests of the baselines and controls share.
#pragma once

#include <cstring>
#include <vector>

#include "engine/core/parallel.hpp"
#include "engine/core/random.hpp"
#include "engine/core/types.hpp"

namespace bcbench::testing {

/// The labels of the cells `order`, in this order.
inline Labels reordered(const Labels& labels, const std::vector<std::uint32_t>& order) {
    Labels moved{{}, labels.names};
    for (const std::uint32_t i : order) moved.code.push_back(labels.code[i]);
    return moved;
}

inline arma::mat reordered(const arma::mat& cells, const std::vector<std::uint32_t>& order) {
    return cells.cols(arma::conv_to<arma::uvec>::from(order));
}

/// Labels that are not in order: cell i has the label of a fixed random place of `labels`.
inline Labels mixed(const Labels& labels) {
    return reordered(labels, permutation(make_key(99), static_cast<std::uint32_t>(labels.code.size())));
}

template <class Real>
bool same_bytes(const Matrix<Real>& a, const Matrix<Real>& b) {
    return arma::size(a) == arma::size(b) && std::memcmp(a.memptr(), b.memptr(), a.n_elem * sizeof(Real)) == 0;
}

/// Calls f with 1, 2 and 8 threads and returns whether all results are the same bytes.
template <class F>
bool same_for_any_threads(const F& f) {
    const unsigned before = thread_count();
    set_thread_count(1);
    const auto one = f();
    bool same = true;
    for (const unsigned threads : {2U, 8U}) {
        set_thread_count(threads);
        same = same && same_bytes(f(), one);
    }
    set_thread_count(before);
    return same;
}

}  // namespace bcbench::testing
