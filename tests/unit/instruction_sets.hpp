// Runs a test with the vectors of every instruction set that the machine has.
#pragma once

#include <hwy/targets.h>

#include <catch2/catch.hpp>
#include <cstdint>

namespace bcbench::testing {

template <class Body>
void with_every_instruction_set(const Body& body) {
    const auto available = hwy::SupportedTargets();
    for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3, HWY_EMU128, HWY_SCALAR}) {
        if ((available & target) == 0) continue;
        INFO(hwy::TargetName(target));
        hwy::SetSupportedTargetsForTest(target);
        body();
    }
    hwy::SetSupportedTargetsForTest(0);
}

}  // namespace bcbench::testing
