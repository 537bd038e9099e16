#include "experiments/text/names.hpp"

#include "engine/core/names.hpp"
#include "experiments/text/canonical.hpp"

namespace bcbench {

std::string unknown_name(const std::string& kind, const std::string& name, const std::vector<std::string>& known) {
    std::string message = "there is no " + kind + " " + shown(name);
    if (known.empty()) return message + "; there are none";
    const auto nearest = nearest_name(name, known);
    message += nearest ? "; did you mean \"" + *nearest + "\"? Known: " : "; known: ";
    std::string list;
    for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
    return message + list;
}

}  // namespace bcbench
