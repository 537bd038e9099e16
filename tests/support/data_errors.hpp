// Files that are wrong, by the message they are refused with.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "engine/core/check.hpp"

namespace bcbench::testing {

/// The message of the DataError that `action` must throw.
template <class Action>
std::string error_of(Action action) {
    try {
        action();
    } catch (const DataError& error) {
        return error.what();
    }
    FAIL("no DataError was thrown");
    return {};
}

}  // namespace bcbench::testing
