#include <algorithm>
#include <utility>

#include "engine/reference/baselines.hpp"

namespace bcbench::reference {

arma::mat shuffled(const arma::mat& cells, const Labels& group, Key key) {
    arma::mat dealt = cells;
    const std::size_t n_groups = group.empty() ? 1 : group.names.size();
    for (std::uint32_t g = 0; g < n_groups; ++g) {
        std::vector<std::pair<std::uint32_t, arma::uword>> drawn;  // random word, cell
        std::vector<arma::uword> members;
        for (arma::uword i = 0; i < cells.n_cols; ++i) {
            if (!group.empty() && group.code[i] != g) continue;
            drawn.emplace_back(random_word(fold_in(key, g), members.size()), i);
            members.push_back(i);
        }
        std::sort(drawn.begin(), drawn.end());
        for (std::size_t m = 0; m < members.size(); ++m) dealt.col(members[m]) = cells.col(drawn[m].second);
    }
    return dealt;
}

arma::mat one_hot_types(const Labels& type, double jitter, Key key) {
    arma::mat embedding(type.names.size(), type.code.size(), arma::fill::zeros);
    for (arma::uword i = 0; i < embedding.n_cols; ++i) embedding(type.code[i], i) = 1.0;
    for (arma::uword entry = 0; entry < embedding.n_elem; ++entry) {
        embedding[entry] += jitter * uniform_from_word(random_word(key, entry), -1.0F, 1.0F);
    }
    return embedding;
}

}  // namespace bcbench::reference
