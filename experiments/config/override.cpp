#include "experiments/config/override.hpp"

#include <algorithm>

#include "engine/io/utf8.hpp"
#include "experiments/config/check.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {
namespace {

// What is left of an assignment while its path is walked.
struct Walk {
    const std::string& assignment;
    std::string rest;

    [[noreturn]] void refuse(const std::string& message) const {
        throw ConfigError("--set " + assignment, {{"", message}});
    }

    // Removes the next `length` characters and the dot or equals sign after them; true if the value follows.
    bool step(std::size_t length) {
        const bool last = rest[length] == '=';
        rest.erase(0, length + 1);
        return last;
    }

    // The next key: up to a dot or the equals sign, whichever comes first.
    std::string key() const {
        const std::size_t end = rest.find_first_of(".=");
        if (end == std::string::npos || end == 0 || rest.find('=') == std::string::npos)
            refuse("must be of the form path=value, for example methods.Harmony.params.sigma=0.2");
        return rest.substr(0, end);
    }
};

// The entry whose label comes next; of several the longest label.
OrderedJson& labelled(Walk& walk, OrderedJson& entries, const std::string& noun, bool& last) {
    OrderedJson* found = nullptr;
    std::size_t length = 0;
    std::vector<std::string> labels;
    for (OrderedJson& entry : entries) {
        if (!entry.is_object() || !entry.contains("label") || !entry["label"].is_string()) continue;
        const std::string label = entry["label"].get<std::string>();
        labels.push_back(label);
        const bool next = walk.rest.rfind(label, 0) == 0 && label.size() < walk.rest.size() &&
                          (walk.rest[label.size()] == '.' || walk.rest[label.size()] == '=');
        if (next && label.size() >= length) {
            found = &entry;
            length = label.size();
        }
    }
    if (!found) walk.refuse(unknown_name(noun + " labelled", walk.key(), labels));
    last = walk.step(length);
    if (last) walk.refuse("names a whole " + noun + "; add what to set, for example .seed or .params.NAME");
    return *found;
}

void check_known(const Walk& walk, const std::string& key, const Block& block, const std::string& where) {
    const std::vector<std::string> known = key_names(block);
    if (std::find(known.begin(), known.end(), key) == known.end()) walk.refuse(unknown_name("key", key, known) + where);
}

OrderedJson parsed(const std::string& value) {
    try {
        return parse_json(value, "");
    } catch (const ConfigError&) {
        return value;
    }
}

}  // namespace

void apply_override(OrderedJson& config, const std::string& assignment) {
    Walk walk{assignment, assignment};
    if (!is_utf8(assignment)) throw ConfigError("--set", {{"", "the assignment is not UTF-8"}});
    if (!config.is_object()) walk.refuse("the config is not an object");
    std::string key = walk.key();
    check_known(walk, key, config_block(), "");
    bool last = walk.step(key.size());
    OrderedJson* object = &config;
    if (!last && (key == "datasets" || key == "methods")) {
        OrderedJson& entries = config[key];
        const std::string noun = key.substr(0, key.size() - 1);
        object = &labelled(walk, entries, noun, last);
        key = walk.key();
        check_known(walk, key, noun == "dataset" ? dataset_block() : method_block(), " (of a " + noun + ")");
        last = walk.step(key.size());
        if (last && key == "seed") object->erase("seeds");
        if (last && key == "seeds") object->erase("seed");
    }
    while (!last) {
        OrderedJson& inner = (*object)[key];
        if (inner.is_null()) inner = OrderedJson::object();
        if (!inner.is_object()) walk.refuse("\"" + key + "\" holds " + shown(inner) + ", which has no keys");
        object = &inner;
        key = walk.key();
        last = walk.step(key.size());
    }
    (*object)[key] = parsed(walk.rest);
}

}  // namespace bcbench
