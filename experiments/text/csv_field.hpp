#pragma once

#include <string>

namespace bcbench {

/// `field` as it stands in a CSV file: quoted (RFC 4180) if it holds a comma, a quote or a line break.
std::string csv_field(const std::string& field);

}  // namespace bcbench
