#include "experiments/catalog/catalog.hpp"

namespace bcbench {

const CatalogEntry* find_entry(const std::vector<CatalogEntry>& entries, const std::string& name) {
    for (const CatalogEntry& entry : entries) {
        if (entry.name == name) return &entry;
    }
    return nullptr;
}

}  // namespace bcbench
