// Arbitrary bytes as a config: either a ConfigError, or a config whose resolved form is a config with the same points.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "experiments/catalog/catalog.hpp"
#include "experiments/config/config.hpp"
#include "experiments/plan/plan.hpp"

using namespace bcbench;

static std::string id_of_some(const Plan& plan) {
    std::string ids;
    for (const std::uint64_t index : {std::uint64_t{0}, plan.size() / 2, plan.size() - 1}) {
        const Point point = plan.at(index);
        if (point.id != plan.id_at(index)) std::abort();
        if (point.id.find('/') != std::string::npos || point.id.front() == '.' || point.id.size() > 200) std::abort();
        ids += point.id + ' ' + point.params + '\n';
    }
    return ids;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const Config config = make_config(parse_json(text, "config.json"), "config.json", catalog());
        const Plan plan(config, catalog());
        if (plan.size() == 0) std::abort();
        const Plan again(make_config(with_defaults(config), "config.json", catalog()), catalog());
        if (again.size() != plan.size() || id_of_some(again) != id_of_some(plan)) std::abort();
    } catch (const ConfigError& error) {
        if (error.faults().empty() || *error.what() == '\0') std::abort();
    }
    return 0;
}
