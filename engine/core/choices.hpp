// Discrete choices of a computation (which cluster is nearest, which unit is active, which side of a clip), as one
// number: two evaluations with the same number lie on the same smooth piece of the function.
#pragma once

#include <cstdint>

namespace bcbench {

/// `signature` continued by one more choice; start with 0. Another choice anywhere gives another signature (up to
/// collisions of 64 bits).
inline std::uint64_t with_choice(std::uint64_t signature, std::uint64_t choice) {
    const std::uint64_t mixed = (signature ^ choice) * 0x9e3779b97f4a7c15ULL;
    return mixed ^ (mixed >> 29);
}

}  // namespace bcbench
