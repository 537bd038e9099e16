// The JSON Schema of configs, made from the same tables the parser reads.
#pragma once

#include "experiments/catalog/catalog.hpp"
#include "experiments/text/json_reader.hpp"

namespace bcbench {

/// JSON Schema (draft 2020-12) of a config whose types are those of the catalog. Editors complete and check
/// with it; what JSON Schema cannot say (unique labels, zips of equal length, swept and given at once) only
/// `validate` finds.
OrderedJson config_schema(const Catalog& catalog);

}  // namespace bcbench
