// Sizes that a file claims: multiplied without overflow, and written for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bcbench::h5ad {

/// None if it exceeds 64 bits.
std::optional<std::uint64_t> product(const std::vector<std::uint64_t>& factors);

/// "812 bytes", "25.0 MB", "1.8 TB" (powers of 1000).
std::string byte_text(std::uint64_t bytes);

/// Digits in groups: 100,000.
std::string count_text(std::uint64_t count);

}  // namespace bcbench::h5ad
