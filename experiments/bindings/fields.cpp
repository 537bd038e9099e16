#include "experiments/bindings/fields.hpp"

#include <sstream>

namespace bcbench::field_detail {

std::vector<std::string> split_words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return words;
}

}  // namespace bcbench::field_detail
